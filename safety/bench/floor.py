"""Floor: the bare way of a panic through the embedded broker to a subscriber that does nothing with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from devices.clock import Clock
from devices.topics import PREFIX
from ingest.broker.server import EmbeddedBroker
from safety.bench.line import Line


class Floor:
    """A subscriber in the place of ingest: it counts what it hears, and knows when an alarm came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._awaited: asyncio.Future[float] | None = None
        self.heard = 0

    def expect(self) -> asyncio.Future[float]:
        """Return what will have when (monotonic s) the next alarm is there."""
        self._awaited = asyncio.get_running_loop().create_future()
        return self._awaited

    def hear(self, topic: str, _: bytes) -> None:
        """Take in a message."""
        now_s = self._clock.monotonic_s()
        self.heard += 1
        if self._awaited is not None and topic.endswith("/alarm"):
            self._awaited.set_result(now_s)
            self._awaited = None


@asynccontextmanager
async def open_floor(database_url: str, clock: Clock) -> AsyncIterator[tuple[Floor, int]]:
    """A broker process that knows the devices of `database_url`, the bare subscriber to it, and its port."""
    broker = EmbeddedBroker("127.0.0.1", 0, database_url, clock)
    port = await broker.start()
    floor = Floor(clock)
    # A lasting session, as ingest's: only what such a one has acknowledged is acknowledged to a device.
    line = Line(broker.address, "bench-floor", floor.hear, lasting=True)
    try:
        await line.open([f"{PREFIX}/#"])
        yield floor, port
        await line.close()
    finally:
        await broker.stop()
