"""The runner: what it does with a checkpoint that it cannot read, and with a backlog."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from devices.clock import ManualClock
from ingest.errors import LogUnavailable
from ingest.lanes import ALARMS, TELEMETRY
from ingest.log.memory import MemoryEventLog
from ingest.log.port import Entry, NewEntry
from ingest.records import Arrival, Tick, encode
from ingest.right_of_way import LONGEST_S, RightOfWay
from safety.domain.plan import NursePlan
from safety.effect_writer import PUT_OFF_S
from safety.runner import (
    BATCH,
    BATCHES,
    CHECKPOINT_EVERY_S,
    ONE_WRITER_BATCH,
    Runner,
    RunnerMetrics,
)
from safety.store.checkpoints import load_checkpoint
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.tables import alerts, checkpoints, claims, positions, tracks
from tests.support.records import PLAN, fix, panic, tick
from tests.support.waiting import eventually

CLOCK = ManualClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url(tmp_path))
    migrate(database.engine)
    yield database
    database.close()


def runner(
    log: MemoryEventLog,
    database: Database,
    lane: str = ALARMS,
    clock: ManualClock = CLOCK,
    way: RightOfWay | None = None,
) -> Runner:
    metrics = RunnerMetrics(CollectorRegistry())
    return Runner(lane, 0, log, database, clock, metrics, lambda: None, way=way)


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


BEHIND = BATCH * BATCHES[TELEMETRY] + 10


class LogThatFails(MemoryEventLog):
    """Gives one batch, and then nothing for a while."""

    async def read(self, topic: str, partition: int, after: int, limit: int) -> list[Entry]:
        entries = await super().read(topic, partition, after, limit)
        self.unavailable = True
        return entries


async def filled(log: MemoryEventLog, lane: str, records: Sequence[NursePlan | Arrival | Tick]) -> None:
    await log.append(lane, [NewEntry("nur_1", encode(record)) for record in records])


def kept(database: Database) -> tuple[int, int | None]:
    """How many points there are of her track, and when she was seen last."""
    with database.reading() as connection:
        points = connection.execute(select(func.count()).select_from(tracks)).scalar_one()
        return points, connection.execute(select(positions.c.time_ms)).scalar()


async def test_where_there_is_one_writer_each_batch_is_stored_by_itself(database: Database) -> None:
    log = MemoryEventLog(CLOCK)
    await filled(log, TELEMETRY, [PLAN, *(fix(second, 0.0) for second in range(BEHIND))])
    behind = runner(log, database, TELEMETRY)
    await behind.load()
    assert await behind.step() == ONE_WRITER_BATCH
    assert kept(database)[0] == ONE_WRITER_BATCH - 1


async def test_a_lane_that_is_behind_stores_several_batches_at_once(database: Database) -> None:
    database.one_writer = False
    log = MemoryEventLog(CLOCK)
    fixes = [fix(second, 0.0) for second in range(BEHIND)]
    await filled(log, TELEMETRY, [PLAN, *fixes])
    behind = runner(log, database, TELEMETRY)
    await behind.load()
    assert await behind.step() == BEHIND - 10
    assert kept(database) == (BEHIND - 11, None), "she has been seen elsewhere since"
    await behind.checkpoint()
    with database.reading() as connection:
        assert load_checkpoint(connection, TELEMETRY, 0) is None, "not beyond what is stored"
    assert await behind.step() == 11
    assert kept(database) == (BEHIND, fixes[-1].received_ms)
    await behind.checkpoint()
    with database.reading() as connection:
        saved = load_checkpoint(connection, TELEMETRY, 0)
        assert saved is not None
        assert saved.offset == BEHIND


@pytest.mark.parametrize("after_s", [PUT_OFF_S[TELEMETRY], CHECKPOINT_EVERY_S])
async def test_where_she_is_is_put_off_for_a_while_only(database: Database, after_s: float) -> None:
    database.one_writer = False
    clock = ManualClock()
    log = MemoryEventLog(clock)
    fixes = [fix(second, 0.0) for second in range(3 * BEHIND)]
    await filled(log, TELEMETRY, [PLAN, *fixes])
    behind = runner(log, database, TELEMETRY, clock)
    await behind.load()
    await behind.step()
    assert kept(database)[1] is None
    clock.advance_s(after_s)
    await behind.step()
    assert kept(database)[1] == fixes[2 * (BEHIND - 10) - 2].received_ms
    with database.reading() as connection:
        assert (load_checkpoint(connection, TELEMETRY, 0) is not None) == (after_s == CHECKPOINT_EVERY_S)


async def test_what_is_put_off_is_stored_when_nothing_more_can_be_read(database: Database) -> None:
    database.one_writer = False
    log = MemoryEventLog(CLOCK)
    fixes = [fix(second, 0.0) for second in range(BEHIND)]
    await filled(log, TELEMETRY, [PLAN, *fixes])
    clock = ManualClock()
    behind = runner(log, database, TELEMETRY, clock)
    await behind.load()
    await behind.step()
    log.unavailable = True
    failing = asyncio.create_task(behind.step())

    def is_over() -> bool:
        clock.advance_s(0.1)
        return failing.done()

    await eventually(is_over, what="the step")
    assert await failing == 0
    assert kept(database)[1] == fixes[BEHIND - 12].received_ms


async def test_how_far_behind_it_is_is_told_before_the_first_batch(database: Database) -> None:
    log, registry = MemoryEventLog(CLOCK), CollectorRegistry()
    await filled(log, TELEMETRY, [PLAN, *(fix(second, 0.0) for second in range(9))])
    behind = Runner(TELEMETRY, 0, log, database, CLOCK, RunnerMetrics(registry), lambda: None)
    await behind.load()
    labels = {"lane": TELEMETRY, "partition": "0"}
    assert registry.get_sample_value("vigil_engine_lag", labels) == 10


async def test_an_alarm_waits_for_one_batch_at_most(database: Database) -> None:
    log = MemoryEventLog(CLOCK)
    await filled(
        log, ALARMS, [PLAN, *(tick(second) for second in range(ONE_WRITER_BATCH)), panic(ONE_WRITER_BATCH)]
    )
    alone = runner(log, database)
    await alone.load()
    assert [await alone.step() for _ in range(3)] == [ONE_WRITER_BATCH, 2, 0]


async def test_while_an_alarm_is_under_way_one_batch_is_enough(database: Database) -> None:
    database.one_writer = False
    clock = ManualClock()
    log, way = MemoryEventLog(clock), RightOfWay(clock)
    await filled(log, TELEMETRY, [PLAN, *(fix(second, 0.0) for second in range(BEHIND))])
    behind = runner(log, database, TELEMETRY, clock, way)
    await behind.load()
    with way.taken():
        step = asyncio.create_task(behind.step())

        def is_over() -> bool:
            clock.advance_s(LONGEST_S)
            return step.done()

        await eventually(is_over, what="the step")
    assert await step == BATCH
    assert kept(database)[0] == BATCH - 1
    assert await behind.step() == BEHIND + 1 - BATCH


async def test_what_was_read_before_the_log_failed_is_stored(database: Database) -> None:
    database.one_writer = False
    log = LogThatFails(CLOCK)
    await filled(log, TELEMETRY, [PLAN, *(fix(second, 0.0) for second in range(BEHIND))])
    behind = runner(log, database, TELEMETRY)
    await behind.load()
    assert await behind.step() == BATCH
    assert behind.offset == BATCH - 1
    assert kept(database)[0] == BATCH - 1
    log.unavailable = False
    assert await behind.step() == BATCH
    assert kept(database)[0] == 2 * BATCH - 1
