"""MosquittoSite: a real Mosquitto with the configuration that is shipped, in step with a real store."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.clock import SystemClock
from devices.registry.port import Device
from ingest.address import BrokerAddress
from safety.broker_sync import BrokerSync
from safety.cli.common import Signature
from safety.config import Settings
from safety.store.database import Database, database_url
from safety.store.fleet import register_device
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.trust import Trust
from tests.support.brokers import Mosquitto, free_port
from tests.support.requires import require

SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto" / "mosquitto.conf"
SECRET = "of this test only"
BY = Signature(actor="test", at_ms=0)


class MosquittoSite:
    """A Mosquitto of the shipped configuration on free ports; all but ingest's speak TLS."""

    def __init__(self, directory: Path) -> None:
        require("mosquitto")
        self.directory = directory
        self.out = directory / "vigil"
        self.out.mkdir()
        self.ingest_port, self.secret_port, self.certificate_port = free_port(), free_port(), free_port()
        self.log = directory / "mosquitto.log"
        self.database = Database(database_url(directory))
        migrate(self.database.engine)
        self.trust = Trust(directory)
        self.trust.create("of this test", SystemClock().now_ms())
        url = f"mqtt://ingest:{SECRET.replace(' ', '%20')}@127.0.0.1:{self.ingest_port}"
        self.settings = Settings(broker_url=url)
        self.address = BrokerAddress.parse(url)
        self.told: list[str] = []
        with self.database.writing() as connection:
            org = add_org(connection, name="Care", **BY)
            self.nurse = add_nurse(connection, org=org, name="Anna", **BY)
        self.broker = Mosquitto(self._configuration(), self.ingest_port)

    def add(self) -> tuple[Device, str]:
        """Register a phone; return it and its secret."""
        with self.database.writing() as connection:
            return register_device(connection, kind="phone", nurse=self.nurse, **BY)

    def sync(self, *, watching: bool = True) -> BrokerSync:
        """Return what keeps the files in step."""
        pid = self.out / "mosquitto.pid" if watching else None
        return BrokerSync(
            self.database, self.settings, self.directory, self.out, pid, self.log, self.told.append
        )

    def _configuration(self) -> Path:
        text = SHIPPED.read_text()
        for shipped, here in {
            "/etc/mosquitto/vigil": str(self.out),
            "/var/lib/mosquitto/": f"{self.directory}/",
            "/var/log/mosquitto/mosquitto.log": str(self.log),
            "listener 1883 127.0.0.1": f"listener {self.ingest_port} 127.0.0.1",
            "listener 8883": f"listener {self.secret_port} 127.0.0.1",
            "listener 8884": f"listener {self.certificate_port} 127.0.0.1",
        }.items():
            assert shipped in text, shipped
            text = text.replace(shipped, here)
        path = self.directory / "mosquitto.conf"
        path.write_text(f"user root\n{text}")
        return path


@contextmanager
def mosquitto_site(directory: Path) -> Iterator[MosquittoSite]:
    """Run one; the store is closed and Mosquitto is gone afterwards."""
    site = MosquittoSite(directory)
    try:
        yield site
    finally:
        site.broker.kill()
        site.database.close()
