"""The worker's loops: woken at once, on time by the clock, and through a store that is away."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text
from structlog.testing import capture_logs

from safety.domain.notice import Notice
from safety.routing.channels import RecordingChannel
from safety.routing.recorder import Recorder
from safety.routing.worker import RoutingWorker
from safety.store.database import database_url
from safety.store.tables import orgs
from tests.support.paging import ORG, Desk
from tests.support.waiting import PATIENCE_S, eventually


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A store of its own, which a test may spoil."""
    desk = Desk(database_url(tmp_path))
    yield desk
    desk.close()


@asynccontextmanager
async def running(worker: RoutingWorker) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(worker.run())
        yield
        task.cancel()


async def test_woken_it_acts_without_time_passing(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]))
    async with running(desk.worker):
        alert = desk.raises()
        desk.worker.wake()
        await eventually(lambda: desk.told() == ["ann"])
        await eventually(lambda: [command.kind for command in desk.sender.sent] == ["alarm_received"])
        await eventually(lambda: len(desk.entries(alert, "notified")) == 1)


async def test_what_another_process_owes_is_found_by_the_clock(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]))
    async with running(desk.worker):
        desk.raises()

        def told() -> bool:
            desk.clock.advance_s(0.05)
            return bool(desk.channel.sent)

        started_ms = desk.clock.now_ms()
        await eventually(told)
        assert desk.clock.now_ms() - started_ms <= 30_000


async def test_the_clock_alone_brings_the_next_tier(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]), (120, [desk.responder("ben")]))
    async with running(desk.worker):
        desk.raises()
        desk.worker.wake()
        await eventually(lambda: len(desk.channel.sent) == 1)
        desk.clock.advance_s(119)

        def a_second_later() -> bool:
            # Whoever had just begun to wait waits from then on.
            desk.clock.advance_s(1)
            return len(desk.channel.sent) >= 2

        await eventually(a_second_later)
    assert desk.told()[:2] == ["ann", "ben"]


def away(desk: Desk, table: str) -> None:
    """The store cannot be used as far as `table` is concerned."""
    with desk.database.writing() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {table}_away"))


def back(desk: Desk, table: str) -> None:
    with desk.database.writing() as connection:
        connection.execute(text(f"ALTER TABLE {table}_away RENAME TO {table}"))


@pytest.mark.parametrize("table", ["alerts", "notifications", "commands"])
async def test_a_store_that_is_away_is_waited_for(desk: Desk, table: str) -> None:
    desk.policy((0, [desk.responder("ann")]))
    desk.raises()
    away(desk, table)
    with capture_logs() as lines:
        async with running(desk.worker):
            desk.worker.wake()
            await eventually(lambda: any(line["action"] == "routing_retry" for line in lines))
            back(desk, table)

            def routed() -> bool:
                desk.clock.advance_s(0.1)
                return bool(desk.channel.sent) and bool(desk.sender.sent)

            await eventually(routed)


async def test_a_send_is_recorded_when_the_store_is_back_and_not_repeated(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]))

    class TakesTheStoreAlong(RecordingChannel):
        async def send(self, notification: Notice) -> None:
            await super().send(notification)
            away(desk, "alert_timeline")

    channel = TakesTheStoreAlong()
    alert = desk.raises()
    with capture_logs() as lines:
        async with running(desk.new_worker(channels={"page": channel})):
            await eventually(lambda: any(line["action"] == "routing_retry" for line in lines))
            back(desk, "alert_timeline")

            def recorded() -> bool:
                desk.clock.advance_s(0.1)
                state: str = desk.notifications(alert)[0].state
                return state == "sent"

            await eventually(recorded)
    assert len(channel.sent) == 1


async def test_an_error_that_is_not_the_stores_stops_the_worker(desk: Desk) -> None:
    worker = desk.new_worker()
    with desk.database.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO responders (id, org, name, channels, created_ms) VALUES ('x', :org, 'x', '?', 0)"
            ),
            {"org": ORG},
        )
    desk.raises()
    with pytest.raises(ExceptionGroup):
        await worker.run()


async def test_recordings_that_come_together_share_a_transaction(desk: Desk) -> None:
    commits: list[object] = []
    event.listen(desk.database.engine, "commit", commits.append)
    recorder = Recorder(desk.database, desk.clock)

    def work(connection: Connection, number: int) -> int:
        connection.execute(orgs.insert().values(id=f"org_{number}", name="n", created_ms=0))
        return number

    results = await asyncio.gather(*(recorder.write(partial(work, number=number)) for number in range(50)))
    assert results == list(range(50))
    assert len(commits) <= 2


async def test_who_waits_for_a_commit_does_not_depend_on_who_makes_it(desk: Desk) -> None:
    recorder = Recorder(desk.database, desk.clock)
    begun, go_on = threading.Event(), threading.Event()

    def slow(_: Connection) -> None:
        begun.set()
        go_on.wait(PATIENCE_S)

    first = asyncio.ensure_future(recorder.write(slow))
    await eventually(begun.is_set)
    second = asyncio.ensure_future(recorder.write(lambda _: "written"))
    first.cancel()
    await asyncio.wait([first])
    go_on.set()
    assert await second == "written"
