"""RightOfWay: lets an alarm pass before the next batch of locations begins.

Both need the store's one writer and the interpreter. A lane that catches up with an hour of locations would
otherwise begin its next transaction between any two steps of an alarm's.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from devices.clock import Clock

LONGEST_S = 0.1
"""How long locations wait at most: under a storm of alarms they come in turn with them."""


class RightOfWay:
    """Shared by the lanes of one process; belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inside = 0
        self._free = asyncio.Event()
        self._free.set()

    def wanted(self) -> bool:
        """Tell whether anybody has it. May be called from any thread."""
        return self._inside > 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it until the body ends; so may others."""
        self._inside += 1
        self._free.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._free.set()

    async def given(self) -> None:
        """Wait until nobody has it, or long enough."""
        if self._free.is_set():
            return
        waits = {
            asyncio.ensure_future(self._free.wait()),
            asyncio.ensure_future(self._clock.sleep_s(LONGEST_S)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
