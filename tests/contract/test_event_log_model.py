"""The durable log does what its fake does, whatever is done with it, across restarts."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.clock import ManualClock
from ingest.log.memory import MemoryEventLog
from ingest.log.port import BEGINNING, Entry, NewEntry
from ingest.log.sqlite import SqliteEventLog

TOPIC = "alarms"
PARTITIONS = 2
REOPEN = "reopen"

_entries = st.lists(
    st.builds(
        NewEntry,
        key=st.text(max_size=4),
        value=st.binary(max_size=30),
        partition=st.none() | st.integers(0, PARTITIONS - 1),
    ),
    max_size=5,
)
_advance_s = st.integers(-5, 50)
_read = st.tuples(st.integers(0, PARTITIONS - 1), st.integers(BEGINNING, 30), st.integers(1, 9))
_forget_s = st.integers(0, 60).map(lambda ago_s: ("forget", ago_s))
_steps = st.lists(_entries | _advance_s | _read | _forget_s | st.just(REOPEN), max_size=25)


async def end_state(log: MemoryEventLog | SqliteEventLog) -> list[tuple[int, list[Entry]]]:
    return [
        (await log.end(TOPIC, partition), await log.read(TOPIC, partition, BEGINNING, 1000))
        for partition in range(PARTITIONS)
    ]


async def compare(steps: list[object], clock: ManualClock, reopen: Callable[[], SqliteEventLog]) -> None:
    model, log = MemoryEventLog(clock, PARTITIONS), reopen()
    try:
        for step in steps:
            match step:
                case int(advance_s):
                    clock.advance_s(advance_s)
                case list(entries):
                    await model.append(TOPIC, entries)
                    await log.append(TOPIC, entries)
                case ("forget", int(ago_s)):
                    before_ms = clock.now_ms() - ago_s * 1000
                    assert await log.forget(TOPIC, before_ms) == await model.forget(TOPIC, before_ms)
                case (int(partition), int(after), int(limit)):
                    expected = await model.read(TOPIC, partition, after, limit)
                    assert await log.read(TOPIC, partition, after, limit) == expected
                case _:
                    await log.close()
                    log = reopen()
        assert await end_state(log) == await end_state(model)
    finally:
        await log.close()


@given(steps=_steps)
@settings(deadline=None, max_examples=60)
def test_the_durable_log_and_its_fake_agree(steps: list[object]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock()
        asyncio.run(compare(steps, clock, lambda: SqliteEventLog(Path(directory), clock, PARTITIONS)))
