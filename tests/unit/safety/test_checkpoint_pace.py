"""The pace of checkpoints: seldom where they cost much, and often enough to show that work goes on."""

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import OperationalError

from devices.clock import ManualClock
from ingest.lanes import TELEMETRY
from ingest.log.memory import MemoryEventLog
from ingest.log.port import NewEntry
from ingest.records import encode
from safety.lag import STILL_S
from safety.runner import CHECKPOINT_EVERY_S, CHECKPOINT_SHARE, Runner, RunnerMetrics
from safety.store.checkpoints import load_checkpoint
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from tests.support.records import tick


class SlowDatabase(Database):
    """Takes so long for each transaction, by the clock; then the store is locked, or it is done."""

    def __init__(self, url: str, clock: ManualClock, takes_s: float) -> None:
        super().__init__(url)
        self.takes_s = takes_s
        self.locked = False
        self._slow = clock

    async def write(self, *args: Any, **options: Any) -> Any:
        self._slow.advance_s(self.takes_s)
        if self.locked:
            raise OperationalError("BEGIN IMMEDIATE", None, sqlite3.OperationalError("database is locked"))
        return await super().write(*args, **options)


class SlowLane:
    """A lane with something to do every second, at a store that takes its time."""

    def __init__(self, tmp_path: Path, takes_s: float) -> None:
        self.clock = ManualClock()
        self.log = MemoryEventLog(self.clock)
        self.store = SlowDatabase(database_url(tmp_path), self.clock, takes_s)
        metrics = RunnerMetrics(CollectorRegistry())
        self.runner = Runner(TELEMETRY, 0, self.log, self.store, self.clock, metrics, lambda: None)
        self._saved_offset: int | None = None

    async def checkpoints_s(self, until_s: float) -> list[float]:
        """Work until then; return when a checkpoint was written."""
        saved_s = list[float]()
        while self.clock.monotonic_s() < until_s:
            record = tick(round(self.clock.monotonic_s()))
            await self.log.append(TELEMETRY, [NewEntry("nur_1", encode(record))])
            await self.runner.step()
            with self.store.reading() as connection:
                saved = load_checkpoint(connection, TELEMETRY, 0)
            if saved is not None and saved.offset != self._saved_offset:
                self._saved_offset = saved.offset
                saved_s.append(self.clock.monotonic_s())
            self.clock.advance_s(1.0)
        return saved_s


@pytest.fixture
def slow_lane(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SlowLane]:
    lane = SlowLane(tmp_path, request.param)
    migrate(lane.store.engine)
    yield lane
    lane.store.close()


def gaps_s(saved_s: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(saved_s)]


@pytest.mark.parametrize("slow_lane", [0.5], indirect=True)
async def test_checkpoints_take_a_twentieth_of_the_time_at_most(slow_lane: SlowLane) -> None:
    await slow_lane.runner.load()
    gaps = gaps_s(await slow_lane.checkpoints_s(60.0))
    assert len(gaps) >= 2
    assert all(0.5 / CHECKPOINT_SHARE <= gap <= 0.5 / CHECKPOINT_SHARE + 3.0 for gap in gaps)


@pytest.mark.parametrize("slow_lane", [7.5], indirect=True)
async def test_however_slow_the_store_a_partition_that_is_worked_on_never_looks_left_alone(
    slow_lane: SlowLane,
) -> None:
    await slow_lane.runner.load()
    gaps = gaps_s(await slow_lane.checkpoints_s(200.0))
    assert len(gaps) >= 2
    assert max(gaps) < STILL_S


@pytest.mark.parametrize("slow_lane", [0.0], indirect=True)
async def test_after_a_checkpoint_that_failed_the_next_one_does_not_wait_longer(slow_lane: SlowLane) -> None:
    await slow_lane.runner.load()
    slow_lane.store.takes_s, slow_lane.store.locked = 10.0, True
    assert await slow_lane.checkpoints_s(CHECKPOINT_EVERY_S + 10.0) == []
    slow_lane.store.takes_s, slow_lane.store.locked = 0.0, False
    failed_s = slow_lane.clock.monotonic_s()
    (saved_s,) = await slow_lane.checkpoints_s(failed_s + CHECKPOINT_EVERY_S + 1.0)
    assert saved_s <= failed_s + CHECKPOINT_EVERY_S
