"""Wakes: tells who waits for a change of the store that there is one, whichever process made it.

On PostgreSQL the database says so as a transaction commits (migration 0013), and whoever listens is told
within milliseconds. What is never said, because a connection was lost, is found by those who wait when they
look by themselves, every second or oftener; so it is on SQLite for what other processes do.
"""

from collections.abc import Callable

import structlog
from psycopg import AsyncConnection, OperationalError

from devices.clock import Clock
from devices.registry.database import listening_address

CHANNEL = "vigil"
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_log = structlog.get_logger(__name__)


class Wakes:
    """Calls everybody who has asked to be woken; `run` hears other processes."""

    def __init__(self, database_url: str, clock: Clock) -> None:
        self._address = listening_address(database_url)
        self._clock = clock
        self._woken: list[Callable[[], None]] = []

    def tell(self, wake: Callable[[], None], *, first: bool = False) -> None:
        """Have `wake` called after each change; it must bear being called too often, from any thread.

        Who is told `first` may look at the store before the others begin to, if that takes no time.
        """
        self._woken.insert(0 if first else len(self._woken), wake)

    def wake(self) -> None:
        """The store has changed, here or elsewhere."""
        for wake in self._woken:
            wake()

    async def run(self) -> None:
        """Listen for ever; on SQLite there is nobody to listen to."""
        pause_s = _FIRST_PAUSE_S
        while self._address is not None:
            try:
                async with await AsyncConnection.connect(self._address, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    pause_s = _FIRST_PAUSE_S
                    self.wake()  # whatever was said while nobody listened
                    async for _ in connection.notifies():
                        self.wake()
            except (OSError, OperationalError) as error:
                _log.warning("the store is not heard", action="listen_failed", error=type(error).__name__)
            await self._clock.sleep_s(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
