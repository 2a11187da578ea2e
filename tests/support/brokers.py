"""Real brokers for tests: the embedded one as the child process that it is, and a real Mosquitto."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from urllib.parse import quote

from sqlalchemy import Engine, create_engine

from devices import topics
from devices.clock import SystemClock
from devices.registry.port import Device
from devices.registry.sql import add_device, revoke_device, rotate_secret
from devices.registry.tables import metadata
from ingest.address import BrokerAddress, MqttVersion
from ingest.broker.server import EmbeddedBroker, TlsListener
from ingest.broker.tls import TlsFiles
from ingest.limits import Limits
from tests.support.place import HERE, Place
from tests.support.requires import require
from tests.support.waiting import PATIENCE_S, wait_until

INGEST = "ingest"
_SECRET = "of this test only"
# Below what systems give to clients: a server that is started again must find its port as it left it.
_PORTS = (15_000, 32_000)
_CHANCE = SystemRandom()


class Embedded:
    """An embedded broker and the registry it asks; `secrets` by device id."""

    def __init__(self, engine: Engine, broker: EmbeddedBroker) -> None:
        self.engine = engine
        self.broker = broker
        self.secrets: dict[str, str] = {}

    @property
    def port(self) -> int:
        return self.broker.address.port

    @property
    def tls_port(self) -> int:
        assert self.broker.tls is not None
        return self.broker.tls.port

    @property
    def address(self) -> BrokerAddress:
        """Ingest's way in."""
        return self.broker.address

    def add(self, device: str) -> str:
        """Register a device and return its secret."""
        with self.engine.begin() as connection:
            row = Device(id=device, kind="phone", org="org_1", nurse=None)
            self.secrets[device] = add_device(connection, row, 0)
        return self.secrets[device]

    def revoke(self, device: str) -> None:
        with self.engine.begin() as connection:
            revoke_device(connection, device, 1)

    def rotate(self, device: str) -> str:
        with self.engine.begin() as connection:
            self.secrets[device] = rotate_secret(connection, device, SystemClock().now_ms())
        return self.secrets[device]


@asynccontextmanager
async def embedded_broker(
    directory: Path, *devices: str, tls: TlsFiles | None = None, limits: Limits | None = None
) -> AsyncIterator[Embedded]:
    """Run an embedded broker that knows `devices`; with `tls`, behind TLS too."""
    url = f"sqlite:///{directory / 'registry.db'}"
    engine = create_engine(url)
    metadata.create_all(engine)
    listener = None if tls is None else TlsListener("127.0.0.1", 0, tls)
    broker = EmbeddedBroker("127.0.0.1", 0, url, SystemClock(), listener, limits or Limits())
    embedded = Embedded(engine, broker)
    for device in devices:
        embedded.add(device)
    await embedded.broker.start()
    try:
        yield embedded
    finally:
        await embedded.broker.stop()
        engine.dispose()


class Mosquitto:
    """A Mosquitto on a free port of its own; it keeps sessions over `restart` if it was told to."""

    def __init__(self, configuration: Path, port: int, place: Place = HERE) -> None:
        self._configuration = configuration
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port
        self.place = place

    def address(self, version: MqttVersion = MqttVersion.V5) -> BrokerAddress:
        """Ingest's way in."""
        return BrokerAddress(
            host=self.place.host, port=self.port, username=INGEST, password=_SECRET, version=version
        )

    @property
    def url(self) -> str:
        """The same, as the setting `broker_url`."""
        return f"mqtt://{INGEST}:{quote(_SECRET)}@{self.place.host}:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [*self.place.through, require("mosquitto"), "-c", self._configuration],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._listens, what="Mosquitto listens")

    def kill(self) -> None:
        """End it as a crash does: what it did not save is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it in order: it saves what it keeps."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def pause(self) -> None:
        """Let it stand still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again after `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        """Whether its process is there, standing still or not."""
        return self._process is not None and self._process.poll() is None

    def _listens(self) -> bool:
        if not self.runs:
            raise RuntimeError(f"Mosquitto at port {self.port} ended at its start")
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.place.host, self.port)) == 0


@contextmanager
def mosquitto(
    directory: Path,
    devices: Mapping[str, str],
    *,
    keeps: bool = True,
    saves: Sequence[str] = ("autosave_interval 1800",),
    place: Place = HERE,
) -> Iterator[Mosquitto]:
    """Run a Mosquitto with the logins of `devices` (id to secret), each held to its own topics.

    `keeps`: sessions and what waits for them outlive a `stop`, or as much more as the lines in `saves` say.
    """
    require("mosquitto")
    port = free_port()
    passwords, rights = directory / "passwords", directory / "rights"
    passwords.touch(mode=0o600)
    for user, secret in {INGEST: _SECRET, **devices}.items():
        subprocess.run(["mosquitto_passwd", "-b", passwords, user, secret], check=True, capture_output=True)
    own = [f"pattern write vigil/v1/%u/{channel}" for channel in sorted(topics.CHANNELS)]
    rules = [f"user {INGEST}", "topic readwrite #", *own, "pattern read vigil/v1/%u/down"]
    rights.write_text("\n".join(rules) + "\n")
    configuration = directory / "mosquitto.conf"
    lines = [
        "user root",
        f"listener {port} {place.host}",
        "allow_anonymous false",
        f"password_file {passwords}",
        f"acl_file {rights}",
        "max_queued_messages 100000",
        "max_inflight_messages 1000",  # the default of 20 is all that an MQTT 3.1.1 reader would get
        "set_tcp_nodelay true",
    ]
    if keeps:
        lines += ["persistence true", f"persistence_location {directory}/", *saves]
    configuration.write_text("\n".join(lines) + "\n")
    broker = Mosquitto(configuration, port, place)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def free_port() -> int:
    """Return a port that is free, and that the system gives to nobody who only asks for any."""
    while True:
        port = _CHANCE.randrange(*_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def run(command: list[str], timeout_s: float = PATIENCE_S) -> tuple[int, str]:
    """Run a client program to its end; return its exit code and its output."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(timeout_s):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")
