"""Housekeeping: the store forgets what it has kept long enough, and makes room for the days that come."""

from collections.abc import Callable
from functools import partial

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from devices.clock import Clock
from safety.config import Settings
from safety.store.database import Database
from safety.store.old_alerts import forget_alerts, forget_commands, forget_letters
from safety.store.postgres import HOUSEKEEPING_LOCK, lock
from safety.store.track_days import (
    DAY_MS,
    forget_days,
    forget_points,
    forget_points_ahead,
    make_days,
    tracked_nurses,
)

EVERY_S = 3600.0
_RETRY_AFTER_S = 60.0
NURSES_AT_ONCE = 10
_log = structlog.get_logger(__name__)


class Housekeeping:
    """Keeps house every hour; what it did, doing it again changes nothing. Several may, one after another."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings

    async def run(self) -> None:
        """Keep house for ever, at once and then every hour."""
        while True:
            pause_s = EVERY_S
            try:
                await self.step()
            except SQLAlchemyError as error:
                _log.warning("house not kept", action="housekeeping_failed", error=str(error))
                pause_s = _RETRY_AFTER_S
            await self._clock.sleep_s(pause_s)

    async def step(self) -> None:
        """Keep house once, in small transactions: alarms must never wait for it."""
        await self._forget_tracks()
        settings = self._settings
        for what, days, forget in (
            ("alerts", settings.keep_alerts_days, forget_alerts),
            ("commands", settings.keep_alerts_days, forget_commands),
            ("dead_letters", settings.keep_log_days, forget_letters),
        ):
            await self._forget(what, days, forget)

    async def _forget_tracks(self) -> None:
        now_ms = self._clock.now_ms()
        before_ms = now_ms - self._settings.keep_tracks_days * DAY_MS

        def turn_days(connection: Connection) -> int:
            lock(connection, HOUSEKEEPING_LOCK)
            make_days(connection, now_ms)
            return forget_days(connection, before_ms)

        def forget(connection: Connection, nurses: list[str]) -> int:
            return sum(forget_points(connection, nurse, before_ms) for nurse in nurses)

        days = await self._database.write(turn_days)
        nurses = await self._database.read(tracked_nurses)
        points = await self._database.write(partial(forget_points_ahead, before_ms=before_ms))
        for start in range(0, len(nurses), NURSES_AT_ONCE):
            some = nurses[start : start + NURSES_AT_ONCE]
            points += await self._database.write(partial(forget, nurses=some))
        if days or points:
            _log.info("old tracks forgotten", action="housekeeping", days=days, points=points)

    async def _forget(self, what: str, days: int, forget: Callable[[Connection, int], int]) -> None:
        before_ms = self._clock.now_ms() - days * DAY_MS
        forgotten = 0
        while some := await self._database.write(lambda connection: forget(connection, before_ms)):
            forgotten += some
        if forgotten:
            _log.info("old rows forgotten", action="housekeeping", what=what, rows=forgotten)
