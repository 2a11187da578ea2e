"""BrokerSite: an embedded broker, and what reads it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devices.clock import SystemClock
from ingest.broker import packets
from ingest.subscriber import ALARM_LANE, TELEMETRY_LANE, Subscriber
from tests.support.brokers import Embedded, embedded_broker
from tests.support.ingesting import ingesting
from tests.support.raw_mqtt import RawClient
from tests.support.recording import RecordingAdmission
from tests.support.requires import require


class BrokerSite:
    """A broker, and ingest that reads both of its lanes into `admission`."""

    def __init__(self, embedded: Embedded, admission: RecordingAdmission) -> None:
        self.embedded = embedded
        self.admission = admission

    def pub(self, user: str, secret: str, topic: str, payload: str, *options: str) -> list[str]:
        command = [str(require("mosquitto_pub")), "-h", "127.0.0.1", "-p", str(self.embedded.port), "-q", "1"]
        return [*command, "-u", user, "-P", secret, "-t", topic, "-m", payload, *options]

    def client(self) -> RawClient:
        return RawClient(self.embedded.port)

    def device(self, device: str, client_id: str = "raw", *, clean: bool = True) -> RawClient:
        client = self.client()
        code = client.log_in(device, self.embedded.secrets[device], client_id, clean=clean)
        assert code == packets.ACCEPTED
        return client


def both_lanes(embedded: Embedded, admission: RecordingAdmission) -> list[Subscriber]:
    """Return what reads an embedded broker into `admission`."""
    lanes = (ALARM_LANE, TELEMETRY_LANE)
    return [Subscriber(embedded.address, lane, admission, SystemClock()) for lane in lanes]


@asynccontextmanager
async def broker_site(directory: Path, *devices: str) -> AsyncIterator[BrokerSite]:
    """A broker that knows `devices`, and ingest beside it."""
    admission = RecordingAdmission()
    async with (
        embedded_broker(directory, *devices) as embedded,
        ingesting(*both_lanes(embedded, admission)),
    ):
        yield BrokerSite(embedded, admission)
