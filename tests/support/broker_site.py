"""BrokerSite: an embedded broker, and what reads it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from devices.clock import SystemClock
from ingest.broker import packets
from ingest.subscriber import ALARM_LANE, TELEMETRY_LANE, Subscriber
from tests.support.brokers import Embedded, embedded_broker
from tests.support.raw_mqtt import RawClient
from tests.support.recording import RecordingAdmission
from tests.support.requires import require
from tests.support.waiting import PATIENCE_S


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


@asynccontextmanager
async def ingesting(embedded: Embedded, admission: RecordingAdmission) -> AsyncIterator[None]:
    """Read both lanes while the body runs."""
    clock = SystemClock()
    lanes = [Subscriber(embedded.address, lane, admission, clock) for lane in (ALARM_LANE, TELEMETRY_LANE)]
    tasks = [asyncio.create_task(lane.run()) for lane in lanes]
    try:
        for lane in lanes:
            await asyncio.wait_for(lane.until_connected(), PATIENCE_S)
        yield
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


@asynccontextmanager
async def broker_site(directory: Path, *devices: str) -> AsyncIterator[BrokerSite]:
    """A broker that knows `devices`, and ingest beside it."""
    admission = RecordingAdmission()
    async with embedded_broker(directory, *devices) as embedded, ingesting(embedded, admission):
        yield BrokerSite(embedded, admission)
