"""Ticker: writes the passing of time into the log, the only way that time reaches the engine."""

from collections.abc import Sequence

import structlog

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.lanes import LANES
from ingest.log.port import BEGINNING, EventLog, NewEntry
from ingest.records import Tick, encode

EVERY_S = 1.0
_log = structlog.get_logger()


class Ticker:
    """Appends a `Tick` to every partition of `topics` every `every_s` seconds; the first one at once.

    Ticks never go backwards, not over a restart either: a clock that was set back stands still in the
    log until it has caught up.
    """

    def __init__(
        self, log: EventLog, clock: Clock, topics: Sequence[str] = LANES, every_s: float = EVERY_S
    ) -> None:
        self._log = log
        self._clock = clock
        self._topics = topics
        self._every_s = every_s
        self._last_ms: int | None = None

    async def run(self) -> None:
        """Tick until cancelled; while the log is unavailable ticks are left out, not made up for."""
        while True:
            try:
                await self.tick()
            except LogUnavailable as error:
                _log.warning("tick not written", action="tick_failed", error=str(error))
            await self._clock.sleep_s(self._every_s)

    async def tick(self) -> None:
        """Append one tick.

        Raises:
            LogUnavailable: it was not written to all partitions.
        """
        if self._last_ms is None:
            self._last_ms = await self._newest_ms()
        at_ms = self._clock.now_ms()
        if at_ms < self._last_ms:
            behind_ms = self._last_ms - at_ms
            _log.warning("clock is behind the log", action="clock_behind", behind_ms=behind_ms)
        self._last_ms = max(self._last_ms, at_ms)
        value = encode(Tick(self._last_ms))
        for topic in self._topics:
            count = self._log.partitions(topic)
            await self._log.append(topic, [NewEntry("", value, partition) for partition in range(count)])

    async def _newest_ms(self) -> int:
        """Return when the newest entry was appended: no tick before it was later."""
        newest_ms = 0
        for topic in self._topics:
            for partition in range(self._log.partitions(topic)):
                end = await self._log.end(topic, partition)
                for entry in await self._log.read(topic, partition, max(end - 1, BEGINNING), 1):
                    newest_ms = max(newest_ms, entry.appended_ms)
        return newest_ms
