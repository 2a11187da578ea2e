"""The crew: who is at work on what, who is replaced, and what is written down at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from devices.clock import ManualClock
from ingest.errors import LogUnavailable
from ingest.log.assignment import AllPartitions, Owner
from safety.crew import Crew, Worker
from safety.errors import Superseded
from tests.support.waiting import eventually


class Recorded:
    """A worker that works until it is told to fail, and keeps a diary in `events`."""

    def __init__(self, name: str, events: list[str]) -> None:
        self._name = name
        self._events = events
        self.fails: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        self._events.append(f"{self._name} runs")
        await self.fails

    async def checkpoint(self) -> None:
        self._events.append(f"{self._name} writes")


class Dealt:
    """Assignments as the test deals them."""

    def __init__(self) -> None:
        self.owner: Owner | None = None

    async def run(self, owner: Owner) -> None:
        self.owner = owner
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await owner.own(frozenset())

    async def deal(self, *partitions: int) -> None:
        owner = await eventually(lambda: self.owner)
        await owner.own(frozenset(partitions))


class Stage:
    """A crew with one recorded worker for each partition."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.workers: dict[int, list[Recorded]] = {}
        self.clock = ManualClock()
        self.dealt = Dealt()
        self.crew = Crew(self._posts_of, self.clock)

    def _posts_of(self, partition: int) -> dict[str, Callable[[], Worker]]:
        def hire() -> Recorded:
            worker = Recorded(str(partition), self.events)
            self.workers.setdefault(partition, []).append(worker)
            return worker

        return {"only": hire}

    async def until(self, *events: str) -> None:
        await eventually(lambda: self.events == list(events), what=f"{events}, not {self.events}")


@asynccontextmanager
async def at_work() -> AsyncIterator[Stage]:
    stage = Stage()
    task = asyncio.create_task(stage.crew.run(stage.dealt))
    try:
        yield stage
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_is_kept_goes_on_and_what_is_lost_is_written_down() -> None:
    async with at_work() as stage:
        await stage.dealt.deal(0, 1)
        await stage.until("0 runs", "1 runs")
        await stage.dealt.deal(1, 2)
        await stage.until("0 runs", "1 runs", "2 runs", "0 writes")
        assert stage.crew.partitions == {1, 2}
    assert stage.events[4:] == ["1 writes", "2 writes"]
    assert stage.crew.workers == []


async def test_before_a_change_everything_is_written_down_and_goes_on() -> None:
    async with at_work() as stage:
        await stage.dealt.deal(0)
        await stage.until("0 runs")
        await stage.crew.before_change()
        await stage.until("0 runs", "0 writes")
        assert len(stage.crew.workers) == 1


@pytest.mark.parametrize("error", [Superseded("taken"), LogUnavailable("away")])
async def test_who_cannot_go_on_is_replaced_while_the_partition_is_ours(error: Exception) -> None:
    async with at_work() as stage:
        await stage.dealt.deal(0)
        await stage.until("0 runs")
        stage.workers[0][0].fails.set_exception(error)

        def replaced() -> bool:
            stage.clock.advance_s(1)
            return stage.events == ["0 runs", "0 runs"]

        await eventually(replaced)
        await stage.dealt.deal()
        await stage.until("0 runs", "0 runs", "0 writes")


async def test_any_other_failure_ends_the_crew() -> None:
    stage = Stage()
    task = asyncio.create_task(stage.crew.run(stage.dealt))
    await stage.dealt.deal(0, 1)
    await stage.until("0 runs", "1 runs")
    stage.workers[0][0].fails.set_exception(ZeroDivisionError())
    with pytest.raises(ExceptionGroup) as failed:
        await task
    assert isinstance(failed.value.exceptions[0], ZeroDivisionError)
    assert stage.events[2:] == ["1 writes"]


async def test_one_process_owns_everything() -> None:
    stage = Stage()
    task = asyncio.create_task(stage.crew.run(AllPartitions(3)))
    await stage.until("0 runs", "1 runs", "2 runs")
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert sorted(stage.events[3:]) == ["0 writes", "1 writes", "2 writes"]
