"""Who waits for an alarm, and for how long; and that what gave way is stored all the same."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from devices.clock import ManualClock
from safety.errors import GaveWay
from safety.right_of_way import LONGEST_S, RightOfWay
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.tables import orgs
from tests.support.waiting import eventually


class WatchedClock(ManualClock):
    """Tells what somebody sleeps for."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps_s: list[float] = []

    async def sleep_s(self, duration_s: float) -> None:
        self.sleeps_s.append(duration_s)
        await super().sleep_s(duration_s)


async def test_nobody_waits_for_nobody() -> None:
    clock = WatchedClock()
    await RightOfWay(clock).given()
    assert clock.sleeps_s == []


async def test_locations_wait_until_the_last_alarm_is_through() -> None:
    clock = WatchedClock()
    way = RightOfWay(clock)
    with way.taken():
        with way.taken():
            waiting = asyncio.ensure_future(way.given())
            await eventually(lambda: clock.sleeps_s == [LONGEST_S])
        assert way.wanted()
        again = asyncio.ensure_future(way.given())
        await eventually(lambda: clock.sleeps_s == [LONGEST_S] * 2)
        assert not waiting.done()
    await asyncio.gather(waiting, again)
    assert not way.wanted()


async def test_locations_wait_no_longer_than_that() -> None:
    clock = WatchedClock()
    way = RightOfWay(clock)
    with way.taken():
        waiting = asyncio.ensure_future(way.given())
        await eventually(lambda: clock.sleeps_s == [LONGEST_S])
        clock.advance_s(LONGEST_S)
        await waiting


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(database_url(tmp_path))
    migrate(database.engine)
    return database


async def test_what_gives_way_is_broken_off_between_two_statements(database: Database) -> None:
    asked: list[bool] = []

    def gives_way() -> bool:
        asked.append(len(asked) == 1)
        return asked[-1]

    def add_two(connection: Connection) -> None:
        for number in range(2):
            connection.execute(orgs.insert().values(id=f"org_{number}", name="Night", created_ms=0))

    with pytest.raises(GaveWay):
        await database.write(add_two, gives_way=gives_way)
    assert asked == [False, True]
    assert await database.read(_count) == 0
    await database.write(add_two)
    assert await database.read(_count) == 2
    database.close()


async def test_who_waits_for_a_commit_is_told_on_the_same_thread(database: Database) -> None:
    seen: list[int] = []

    def add(connection: Connection) -> str:
        connection.execute(orgs.insert().values(id="org_0", name="Night", created_ms=0))
        return "added"

    def then(done: str) -> None:
        assert done == "added"
        with database.reading() as connection:
            seen.append(_count(connection))

    assert await database.write(add, then) == "added"
    assert seen == [1]
    database.close()


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(orgs)).scalar_one()
