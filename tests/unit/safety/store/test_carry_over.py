"""What was committed is in the store's own file soon, without a commit that carries it over."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from devices.clock import ManualClock
from ingest.right_of_way import RightOfWay
from safety.store.carry_over import EVERY_S, carry_over
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.tables import orgs
from tests.support.waiting import eventually


def add_org(connection: Connection) -> None:
    connection.execute(orgs.insert().values(id="o", name="N", created_ms=0))


def carried_over(tmp_path: Path) -> int:
    """Return how many organisations are in the file itself; what is in the write-ahead log does not count."""
    with closing(sqlite3.connect(f"file:{tmp_path / 'vigil.db'}?immutable=1", uri=True)) as store:
        return int(store.execute("SELECT count(*) FROM orgs").fetchone()[0])


async def test_what_is_committed_is_carried_over_even_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, database = ManualClock(), Database(database_url(tmp_path))
    migrate(database.engine)
    with closing(database.engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
    await database.write(add_org)
    assert carried_over(tmp_path) == 0
    connects, failed = database.engine.raw_connection, list[bool]()

    def fails_once() -> object:
        if failed:
            return connects()
        failed.append(True)
        raise OperationalError("PRAGMA", None, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(database.engine, "raw_connection", fails_once)
    carrying = asyncio.create_task(carry_over(database, clock, RightOfWay(clock)))

    def is_carried_over() -> bool:
        clock.advance_s(EVERY_S)
        return carried_over(tmp_path) == 1

    await eventually(is_carried_over)
    assert failed
    carrying.cancel()
    database.close()


@pytest.mark.parametrize("long", [False, True])
async def test_the_last_of_a_long_log_is_carried_over_while_nobody_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    clock, database = ManualClock(), Database(database_url(tmp_path))
    migrate(database.engine)
    await database.write(add_org)
    monkeypatch.setattr("safety.store.carry_over.LONG_PAGES", 0 if long else 4_000)
    connects, shuts_out, done = database.engine.raw_connection, database.nobody_writing, list[str]()

    def connect() -> object:
        done.append("carried over")
        return connects()

    @contextmanager
    def shut_out() -> Iterator[None]:
        with shuts_out():
            done.append("nobody writes")
            yield
            done.append("others write")

    monkeypatch.setattr(database.engine, "raw_connection", connect)
    monkeypatch.setattr(database, "nobody_writing", shut_out)
    carrying = asyncio.create_task(carry_over(database, clock, RightOfWay(clock)))
    last = ["nobody writes", "carried over", "others write"] if long else ["carried over", "carried over"]
    expected = ["carried over", "carried over", *last]

    def is_done() -> bool:
        clock.advance_s(EVERY_S)
        return len(done) >= len(expected)

    await eventually(is_done)
    assert done[: len(expected)] == expected
    carrying.cancel()
    database.close()


def test_a_commit_carries_over_only_what_has_become_long(tmp_path: Path) -> None:
    database = Database(database_url(tmp_path))
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar_one() == 100_000
    database.close()
