"""RightOfWay: lets an alarm pass before the next batch of locations begins, wherever in the process both are.

Both need the interpreter, and on SQLite the store's one writer. A lane that catches up with an hour of
locations would otherwise begin its next step between any two steps of an alarm's.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from devices.clock import Clock

LONGEST_S = 0.1
"""How long locations wait at most: under a storm of alarms they come in turn with them."""

T = TypeVar("T")
Work = Callable[[T], Coroutine[Any, Any, None]]


class RightOfWay:
    """Shared by all that works on alarms or locations in one process; belongs to one event loop."""

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
        deadline = asyncio.ensure_future(self._clock.sleep_s(LONGEST_S))
        try:
            # An alarm's next step may have taken it again by the time that we are told it is free.
            while not self._free.is_set() and not deadline.done():
                free = asyncio.ensure_future(self._free.wait())
                await asyncio.wait((free, deadline), return_when=asyncio.FIRST_COMPLETED)
                free.cancel()
        finally:
            deadline.cancel()

    def before(self, work: Work[T]) -> Work[T]:
        """Return `work` as it is done for alarms: it has the way while it is done."""

        async def first(concerned: T) -> None:
            with self.taken():
                await work(concerned)

        return first

    def behind(self, work: Work[T]) -> Work[T]:
        """Return `work` as it is done for locations: it waits for the way."""

        async def then(concerned: T) -> None:
            await self.given()
            await work(concerned)

        return then
