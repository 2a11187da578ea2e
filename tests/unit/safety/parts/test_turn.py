"""Turns: one works, the others stand by and take over; nobody works for long who should not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.clock import SystemClock
from ingest.right_of_way import RightOfWay
from safety.config import Settings
from safety.parts.part import Ground, Tasks
from safety.parts.turn import Turn
from safety.store.database import Database
from safety.store.migrate import migrate
from safety.store.turns import beat_of, give_turn_back, keep_turn, take_turn
from safety.wakes import Wakes
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def ground(url: str, data_dir: Path) -> Ground:
    clock, database = SystemClock(), Database(url)
    return Ground(
        data_dir=data_dir,
        settings=Settings(),
        database=database,
        clock=clock,
        wakes=Wakes(url, clock),
        way=RightOfWay(clock),
        alone=False,
    )


@asynccontextmanager
async def taking_part(turn: Turn) -> AsyncIterator["asyncio.Task[None]"]:
    async def work() -> None:
        await asyncio.get_running_loop().create_future()

    def tasks() -> Tasks:
        return [("work", work())]

    task = asyncio.create_task(turn.run(tasks))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_the_next_one_begins_when_the_first_ends(store_url: str, tmp_path: Path) -> None:
    ours = ground(store_url, tmp_path)
    await asyncio.to_thread(migrate, ours.database.engine)
    first, second = Turn(ours, "ingest"), Turn(ours, "ingest")
    async with taking_part(first) as one:
        await eventually(lambda: first.ours, what="the first's turn")
        async with taking_part(second):
            await second.known.wait()
            assert first.ours
            assert not second.ours
            one.cancel()
            await eventually(lambda: second.ours, what="the second's turn")
    ours.database.close()


def test_who_was_asleep_finds_the_turn_taken(store_url: str) -> None:
    database = Database(store_url)
    migrate(database.engine)
    with database.writing() as connection:
        assert beat_of(connection, "ingest") == (None, 0)
        assert take_turn(connection, "ingest", "a", 0)
        holder, beat = beat_of(connection, "ingest")
        assert holder == "a"
        assert keep_turn(connection, "ingest", "a")
        assert not take_turn(connection, "ingest", "b", beat), "it has beaten since"
        assert take_turn(connection, "ingest", "b", beat + 1)
        assert not keep_turn(connection, "ingest", "a")
        give_turn_back(connection, "ingest", "a")
        assert beat_of(connection, "ingest")[0] == "b"
    database.close()
