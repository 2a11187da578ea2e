"""SharedReadings: what many ask for at once is read once for all of them."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from safety.store.database import Database

Answer = TypeVar("Answer")


class SharedReadings:
    """Reads one at a time.

    When everybody reconnects at once, after a restart or a lost network, each would otherwise read
    thousands of positions, and the next alert would wait behind all of that. Whoever waits here takes
    what was begun to be read after they asked; so nobody gets anything old.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading = asyncio.Lock()
        self._asked = 0
        self._waiting = 0
        # By what was asked for: the newest answer, and how many had asked when its reading began.
        self._read: dict[Hashable, tuple[int, Any]] = {}

    async def take(self, what: Hashable, read: Callable[[Connection], Answer]) -> Answer:
        """Return what `read` returns for `what`, read after this was called."""
        self._asked += 1
        mine = self._asked
        self._waiting += 1
        try:
            async with self._reading:
                begun, answer = self._read.get(what, (0, None))
                if begun < mine:
                    begun = self._asked
                    answer = await self._database.read(read)
                    self._read[what] = begun, answer
                return cast(Answer, answer)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._read.clear()
