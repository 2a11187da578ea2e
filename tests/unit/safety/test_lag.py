"""The watch over partitions: who is behind, and where nobody works, is told whoever is there to tell it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from devices.clock import ManualClock
from ingest.lanes import ALARMS, LANES
from ingest.log.memory import MemoryEventLog
from ingest.log.port import NewEntry
from safety.lag import EVERY_S, MAX_LAG, STILL_S, LagWatch
from safety.store.checkpoints import Checkpoint, save_checkpoint
from safety.store.database import Database, database_url
from safety.store.tables import metadata

PARTITIONS = 2


class Stage:
    def __init__(self, database: Database) -> None:
        self.clock = ManualClock()
        self.log = MemoryEventLog(self.clock, PARTITIONS)
        self.registry = CollectorRegistry()
        self.watch = LagWatch(self.log, database, self.clock, self.registry)
        self._database = database

    async def append(self, partition: int, count: int = 1) -> None:
        for lane in LANES:
            await self.log.append(lane, [NewEntry("", b"", partition)] * count)

    def reach(self, partition: int, offset: int) -> None:
        with self._database.writing() as connection:
            for lane in LANES:
                save_checkpoint(connection, Checkpoint(lane, partition, offset, b"", self.clock.now_ms()))

    async def look(self) -> str:
        await self.watch.look()
        self.clock.advance_s(EVERY_S)
        return self.watch.verdict

    def lag(self, partition: int) -> float | None:
        return self.registry.get_sample_value(
            "vigil_partition_lag", {"lane": ALARMS, "partition": str(partition)}
        )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    database = Database(database_url(tmp_path))
    metadata.create_all(database.engine)
    yield Stage(database)
    database.close()


async def test_a_partition_that_moves_on_is_well(stage: Stage) -> None:
    for number in range(20):
        await stage.append(0, 5)
        stage.reach(0, number * 5)
        assert await stage.look() == "ok"
    assert (stage.lag(0), stage.lag(1)) == (4, 0)


async def test_a_partition_that_nobody_works_on_is_told_and_so_is_its_recovery(stage: Stage) -> None:
    await stage.append(1, 3)
    verdicts = {await stage.look() for _ in range(int(STILL_S / EVERY_S))}
    assert verdicts == {"ok"}
    assert await stage.look() == (
        "nobody works on partition 1 of alarms: 3 entries wait, and 1 more partitions"
    )
    stage.reach(1, 2)
    assert await stage.look() == "ok"


async def test_nothing_to_do_is_no_standstill(stage: Stage) -> None:
    await stage.append(0)
    stage.reach(0, 0)
    assert {await stage.look() for _ in range(20)} == {"ok"}


async def test_a_partition_far_behind_is_told_though_it_moves(stage: Stage) -> None:
    await stage.append(0, MAX_LAG + 10)
    stage.reach(0, 1)
    assert (await stage.look()).startswith(f"partition 0 of alarms is {MAX_LAG + 8} entries behind")
    stage.reach(0, 1000)
    assert await stage.look() == "ok"
