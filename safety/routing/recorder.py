"""The recorder: stores what became of each delivery, many in one transaction when many come at once."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from safety.store.database import Database

T = TypeVar("T")
_RETRY_AFTER_S = 1.0
_log = structlog.get_logger(__name__)


class Recorder:
    """Runs small writes so that those that wait for the same commit share it.

    What is written must bear being repeated: after a failure it is.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[tuple[Callable[[Connection], Any], asyncio.Future[Any]]] = []
        self._committing = asyncio.Lock()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a read-write transaction; durable when this returns, be the store away or not."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        async with self._committing:
            if not done.done():  # else whoever held the lock took ours along
                await self._commit()
        return done.result()

    async def _commit(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            results = await self._persist([work for work, _ in batch])
        except BaseException:
            self._waiting[:0] = batch  # those who wait for it commit it themselves
            raise
        for (_, done), result in zip(batch, results, strict=True):
            done.set_result(result)

    async def _persist(self, works: list[Callable[[Connection], Any]]) -> list[Any]:
        while True:
            try:
                return await self._database.write(lambda connection: [work(connection) for work in works])
            except OperationalError as error:
                _log.warning("store unavailable", action="routing_retry", error=str(error.orig))
                await self._clock.sleep_s(_RETRY_AFTER_S)
