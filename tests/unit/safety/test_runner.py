"""The runner: what it does with a checkpoint that it cannot read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from devices.clock import ManualClock
from ingest.errors import LogUnavailable
from ingest.lanes import ALARMS
from ingest.log.memory import MemoryEventLog
from ingest.log.port import NewEntry
from ingest.records import encode
from safety.runner import Runner, RunnerMetrics
from safety.store.checkpoints import load_checkpoint
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.tables import alerts, checkpoints, claims
from tests.support.records import PLAN, panic

CLOCK = ManualClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url(tmp_path))
    migrate(database.engine)
    yield database
    database.close()


def runner(log: MemoryEventLog, database: Database) -> Runner:
    return Runner(ALARMS, 0, log, database, CLOCK, RunnerMetrics(CollectorRegistry()), lambda: None)


async def test_a_checkpoint_of_another_version_costs_time_and_nothing_else(database: Database) -> None:
    log = MemoryEventLog(CLOCK)
    await log.append(ALARMS, [NewEntry("nur_1", encode(record)) for record in (PLAN, panic(10))])
    first = runner(log, database)
    await first.load()
    await first.step()
    await first.checkpoint()
    with database.writing() as connection:
        connection.execute(checkpoints.update().values(state=b"\x81\xa5plans\x07"))

    second = runner(log, database)
    await second.load()
    assert await second.step() == 2
    await second.checkpoint()
    with database.reading() as connection:
        assert len(connection.execute(select(alerts.c.id)).all()) == 1
        saved = load_checkpoint(connection, ALARMS, 0)
        assert saved is not None
        assert saved.offset == first.offset

    third = runner(log, database)
    await third.load()
    assert await third.step() == 0


async def test_who_cannot_read_a_partition_leaves_it_to_others(database: Database) -> None:
    log = MemoryEventLog(CLOCK)
    log.unavailable = True
    with pytest.raises(LogUnavailable):
        await runner(log, database).load()
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(claims)).scalar_one() == 0
