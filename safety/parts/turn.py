"""Turn: has one of several processes work while the others stand by, hot, and takes over when it ends."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from devices.identity import new_id
from safety.parts.part import Ground, Tasks
from safety.store.turns import beat_of, give_turn_back, keep_turn, take_turn

BEAT_EVERY_S = 0.5
SILENT_S = 3.0
"""A holder whose beat stands still for so long is taken to be dead, or as good as that."""

_log = structlog.get_logger(__name__)


class Turn:
    """The turn `name`: `run` does the work for as long as it is ours.

    It decides who works, and not what is right: where two believe that it is theirs for a moment (one was
    asleep, say), what they do must bear it. While the store is away nobody can take it; the holder goes on.
    """

    def __init__(self, ground: Ground, name: str) -> None:
        self._ground = ground
        self._name = name
        self._me = new_id("prc")
        self.ours = False
        self.known = asyncio.Event()
        """Set once it is known whether it is ours, or we stand by."""

    async def run(self, work: Callable[[], Tasks]) -> None:
        """Wait for the turn, and run the tasks of `work` while it is ours; for ever."""
        try:
            while True:
                await self._take()
                _log.info("our turn", action="turn_taken", turn=self._name)
                await self._work(work)
                _log.warning("turn lost", action="turn_lost", turn=self._name)
        finally:
            await self._give_back()

    async def _take(self) -> None:
        seen, since_s = -1, self._ground.clock.monotonic_s()
        while True:
            try:
                holder, beat = await self._ground.database.read(lambda c: beat_of(c, self._name))
                now_s = self._ground.clock.monotonic_s()
                if beat != seen:
                    seen, since_s = beat, now_s
                free = holder is None or now_s - since_s >= SILENT_S
                if free and await self._ground.database.write(
                    partial(take_turn, name=self._name, holder=self._me, seen_beat=seen)
                ):
                    return
            except SQLAlchemyError as error:
                _log.warning("turn unknown", action="turn_unknown", turn=self._name, error=str(error))
                # What did not change while nobody could look says nothing about the holder.
                seen = -1
            self.known.set()
            await self._ground.clock.sleep_s(BEAT_EVERY_S)

    async def _work(self, work: Callable[[], Tasks]) -> None:
        self.ours = True
        self.known.set()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(task, name=name) for name, task in work()]
                await self._keep()
                for task in tasks:
                    task.cancel()
        finally:
            self.ours = False

    async def _keep(self) -> None:
        """Beat until it is somebody else's turn."""
        while True:
            await self._ground.clock.sleep_s(BEAT_EVERY_S)
            try:
                if not await self._ground.database.write(lambda c: keep_turn(c, self._name, self._me)):
                    return
            except SQLAlchemyError as error:
                _log.warning("turn not kept", action="turn_not_kept", turn=self._name, error=str(error))

    async def _give_back(self) -> None:
        def give_back(connection: Connection) -> None:
            give_turn_back(connection, self._name, self._me)

        try:
            await asyncio.shield(self._ground.database.write(give_back))
        except SQLAlchemyError as error:
            _log.info("turn not given back", action="turn_not_given_back", turn=self._name, error=str(error))
