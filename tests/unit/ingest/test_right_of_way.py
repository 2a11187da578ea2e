"""Who waits for an alarm, and for how long."""

import asyncio

from devices.clock import ManualClock
from ingest.right_of_way import LONGEST_S, RightOfWay
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


async def test_locations_wait_on_where_an_alarm_takes_its_next_step_at_once() -> None:
    clock = WatchedClock()
    way = RightOfWay(clock)
    with way.taken():
        waiting = asyncio.ensure_future(way.given())
        await eventually(lambda: clock.sleeps_s == [LONGEST_S])
    with way.taken():
        turns = iter(range(10))
        await eventually(lambda: next(turns) == 9, what="ten turns of the loop")
        assert not waiting.done()
    await waiting


async def test_what_is_done_for_locations_waits_for_what_is_done_for_alarms() -> None:
    clock = WatchedClock()
    way = RightOfWay(clock)
    done: list[str] = []
    durable = asyncio.Event()

    async def append(lane: str) -> None:
        if lane == "alarms":
            await durable.wait()
        done.append(lane)

    alarm = asyncio.ensure_future(way.before(append)("alarms"))
    await eventually(way.wanted)
    location = asyncio.ensure_future(way.behind(append)("telemetry"))
    await eventually(lambda: clock.sleeps_s == [LONGEST_S])
    assert done == []
    durable.set()
    await asyncio.gather(alarm, location)
    assert done == ["alarms", "telemetry"]
