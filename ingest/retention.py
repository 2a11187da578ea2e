"""Retention: forgets what the log has kept long enough."""

from collections.abc import Mapping

import structlog

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.log.port import EventLog

EVERY_S = 3600.0
_DAY_MS = 24 * 60 * 60 * 1000
_log = structlog.get_logger()


class Retention:
    """Forgets every `every_s` seconds what is older than `keep_days` says, by topic."""

    def __init__(
        self, log: EventLog, clock: Clock, keep_days: Mapping[str, float], every_s: float = EVERY_S
    ) -> None:
        self._log = log
        self._clock = clock
        self._keep_days = keep_days
        self._every_s = every_s

    async def run(self) -> None:
        """Forget until cancelled, at once and then every `every_s`; what fails is tried the next time."""
        while True:
            for topic, days in self._keep_days.items():
                try:
                    await self._forget(topic, days)
                except LogUnavailable as error:
                    _log.warning("retention failed", action="retention_failed", topic=topic, error=str(error))
            await self._clock.sleep_s(self._every_s)

    async def _forget(self, topic: str, days: float) -> None:
        before_ms = self._clock.now_ms() - round(days * _DAY_MS)
        forgotten = await self._log.forget(topic, before_ms)
        if forgotten:
            _log.info("old entries forgotten", action="retention", topic=topic, entries=forgotten)
