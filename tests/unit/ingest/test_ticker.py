"""The ticker and retention, on the log's fake and a clock that is moved by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from devices.clock import ManualClock
from ingest.lanes import ALARMS, LANES, TELEMETRY
from ingest.log.memory import MemoryEventLog
from ingest.log.port import BEGINNING, NewEntry
from ingest.records import Tick
from ingest.retention import Retention
from ingest.ticker import Ticker
from tests.support.waiting import eventually

DAY_S = 24 * 60 * 60


@asynccontextmanager
async def running(service: Ticker | Retention) -> AsyncIterator[None]:
    task = asyncio.create_task(service.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def ticks(log: MemoryEventLog, topic: str = ALARMS, partition: int = 0) -> list[int]:
    entries = await log.read(topic, partition, BEGINNING, 1000)
    return [msgspec.msgpack.decode(entry.value, type=Tick).at_ms for entry in entries]


async def test_a_tick_a_second_reaches_every_partition_of_both_lanes() -> None:
    clock = ManualClock()
    log = MemoryEventLog(clock, {ALARMS: 2, TELEMETRY: 2})
    start_ms = clock.now_ms()
    async with running(Ticker(log, clock)):
        for number in range(3):
            await log.wait(TELEMETRY, 1, number - 1, 5)
            expected = [start_ms + second * 1000 for second in range(number + 1)]
            for lane in LANES:
                for partition in range(2):
                    assert await ticks(log, lane, partition) == expected
            clock.advance_s(1)


async def test_ticks_never_go_backwards() -> None:
    clock = ManualClock()
    log = MemoryEventLog(clock)
    ticker = Ticker(log, clock)
    start_ms = clock.now_ms()
    for step_s in (10, -7, 2, 9):
        await ticker.tick()
        clock.advance_s(step_s)
    assert await ticks(log) == [start_ms, start_ms + 10_000, start_ms + 10_000, start_ms + 10_000]
    await ticker.tick()
    assert (await ticks(log))[-1] == start_ms + 14_000


async def test_ticks_do_not_go_backwards_over_a_restart() -> None:
    clock = ManualClock()
    log = MemoryEventLog(clock)
    await Ticker(log, clock).tick()
    newest_ms = clock.now_ms()
    clock.advance_s(-3600)
    await Ticker(log, clock).tick()
    assert await ticks(log) == [newest_ms, newest_ms]


async def test_ticking_goes_on_after_the_log_was_unavailable() -> None:
    clock = ManualClock()
    log = MemoryEventLog(clock)
    log.unavailable = True
    async with running(Ticker(log, clock)):
        for _ in range(5):
            clock.advance_s(1)
        log.unavailable = False

        async def has_ticked() -> bool:
            clock.advance_s(1)
            return bool(await ticks(log))

        await eventually(has_ticked)


async def test_retention_forgets_hourly_what_is_old_enough() -> None:
    clock = ManualClock()
    log = MemoryEventLog(clock)
    for topic in LANES:
        for _ in range(4):
            await log.append(topic, [NewEntry("", b"")])
            clock.advance_s(DAY_S)

    async def kept(topic: str) -> int:
        return len(await log.read(topic, 0, BEGINNING, 99))

    log.unavailable = True
    async with running(Retention(log, clock, {ALARMS: 30, TELEMETRY: 2.5})):
        waited_s = 0

        async def is_forgotten() -> bool:
            nonlocal waited_s
            clock.advance_s(900)
            waited_s += 900
            if waited_s <= 3 * 3600:
                return False  # the first rounds find the log unavailable
            log.unavailable = False
            return await kept(TELEMETRY) == 2

        await eventually(is_forgotten)
        assert await kept(ALARMS) == 4
