"""SharedClock: one time of day for all processes that share a store, whatever their machines' clocks say.

What one process makes due another one finds due: an alert that is raised where the clock is an hour ahead
must not wait an hour for those who page people. So all of them take the time from PostgreSQL, and go on with
what their own machine measures while it is away.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from devices.clock import Clock

LOOK_EVERY_S = 5.0
_FAR_OFF_MS = 2_000
_log = structlog.get_logger(__name__)


class Look(NamedTuple):
    """What the store's time was (epoch ms), asked for and answered at these moments of our own (s)."""

    store_ms: int
    asked_s: float
    answered_s: float


class SharedClock:
    """The time of day of the store; durations, and waiting, are this machine's own."""

    def __init__(self, own: Clock, ask: Callable[[], Awaitable[Look]]) -> None:
        self._own = own
        self._ask = ask
        self._zero_ms: float | None = None

    def now_ms(self) -> int:
        """Return UTC epoch milliseconds; before the first look those of this machine."""
        if self._zero_ms is None:
            return self._own.now_ms()
        return round(self._zero_ms + self._own.monotonic_s() * 1000)

    def monotonic_s(self) -> float:
        """Return seconds that never step backwards."""
        return self._own.monotonic_s()

    async def sleep_s(self, duration_s: float) -> None:
        """Wait for `duration_s` seconds."""
        await self._own.sleep_s(duration_s)

    async def look(self) -> None:
        """Ask the store; what could as well be the answer's way is left as it is.

        Raises:
            SQLAlchemyError: it does not answer.
        """
        seen = await self._ask()
        middle_ms = (seen.asked_s + seen.answered_s) * 500
        doubt_ms = (seen.answered_s - seen.asked_s) * 500
        zero_ms = seen.store_ms - middle_ms
        if self._zero_ms is None:
            apart_ms = round(self._own.now_ms() - (zero_ms + self._own.monotonic_s() * 1000))
            if abs(apart_ms) > _FAR_OFF_MS + doubt_ms:
                _log.warning("this machine's clock is not the store's", action="clock_off", apart_ms=apart_ms)
            self._zero_ms = zero_ms
        elif abs(zero_ms - self._zero_ms) > doubt_ms:
            self._zero_ms = zero_ms

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self._own.sleep_s(LOOK_EVERY_S)
            try:
                await self.look()
            except SQLAlchemyError as error:
                _log.warning("the store's time is unknown", action="clock_unknown", error=str(error))


def look_at(connection: Connection, own: Clock) -> Look:
    """Ask PostgreSQL for its time."""
    asked_s = own.monotonic_s()
    epoch_ms = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    store_ms = int(connection.execute(epoch_ms).scalar_one())
    return Look(store_ms, asked_s, own.monotonic_s())
