"""The dead letters' desk: each letter is filed once, for the organisation of its device."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from devices.clock import ManualClock
from ingest.dead_letters import Refusal, letters
from ingest.lanes import DEAD_LETTERS
from ingest.log.memory import MemoryEventLog
from ingest.log.port import NewEntry
from ingest.records import encode
from safety.dead_letters import DeadLetterDesk
from safety.store.database import Database, database_url
from safety.store.tables import checkpoints, dead_letters, metadata
from tests.support.dispatch import House, build_house
from tests.support.waiting import eventually


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url(tmp_path))
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def houses(database: Database) -> list[House]:
    with database.writing() as connection:
        made = [build_house(connection, name, roles=()) for name in ("east", "west")]
        connection.execute(dead_letters.delete())
    return made


def filed(database: Database) -> list[tuple[str | None, str | None, bytes]]:
    columns = (dead_letters.c.device, dead_letters.c.org, dead_letters.c.payload)
    with database.reading() as connection:
        return [(row.device, row.org, row.payload) for row in connection.execute(select(*columns))]


async def append(log: MemoryEventLog, device: str | None, payload: bytes) -> None:
    for letter in letters("a/topic", device, 1, payload, [Refusal("unreadable", "not JSON")]):
        await log.append(DEAD_LETTERS, [NewEntry(device or "", encode(letter))])


async def test_each_is_filed_for_the_organisation_of_its_device(
    database: Database, houses: list[House]
) -> None:
    east, west = houses
    log = MemoryEventLog(ManualClock())
    for device, payload in ((east.device, b"1"), (west.device, b"2"), ("dev_unknown", b"3"), (None, b"4")):
        await append(log, device, payload)
    desk = DeadLetterDesk(0, log, database, ManualClock())
    assert await desk.step()
    assert not await desk.step()
    assert sorted(filed(database), key=lambda row: row[2]) == [
        (east.device, east.org, b"1"),
        (west.device, west.org, b"2"),
        ("dev_unknown", None, b"3"),
        (None, None, b"4"),
    ]


async def test_after_a_restart_none_is_filed_twice(database: Database, houses: list[House]) -> None:
    log = MemoryEventLog(ManualClock())
    for number in range(3):
        await append(log, houses[0].device, b"%d" % number)
    await DeadLetterDesk(0, log, database, ManualClock()).step()
    with database.writing() as connection:  # as if killed before it was noted how far it came
        connection.execute(checkpoints.delete())
    await append(log, houses[0].device, b"last")
    running = asyncio.create_task(DeadLetterDesk(0, log, database, ManualClock()).run())
    await eventually(lambda: len(filed(database)) >= 4)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert sorted(row[2] for row in filed(database)) == [b"0", b"1", b"2", b"last"]
