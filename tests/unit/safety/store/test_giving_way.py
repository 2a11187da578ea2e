"""What gives way to a more urgent writer is stored all the same; who waits for a commit is told at once."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from safety.errors import GaveWay
from safety.store.bulk import insert_new
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.tables import orgs


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


async def test_many_rows_are_many_statements(database: Database) -> None:
    asked: list[bool] = []

    def gives_way() -> bool:
        asked.append(len(asked) == 2)
        return asked[-1]

    def add_many(connection: Connection) -> None:
        rows = [(f"org_{number}", "Night", 0) for number in range(300)]
        insert_new(connection, orgs, ("id", "name", "created_ms"), rows)

    with pytest.raises(GaveWay):
        await database.write(add_many, gives_way=gives_way)
    assert asked == [False, False, True]
    assert await database.read(_count) == 0
    await database.write(add_many)
    assert await database.read(_count) == 300
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
