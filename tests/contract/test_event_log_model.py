"""The durable log does what its fake does, whatever is done with it, across restarts."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.clock import ManualClock
from ingest.log.kafka import KafkaEventLog
from ingest.log.memory import MemoryEventLog
from ingest.log.port import BEGINNING, Entry, EventLog, NewEntry
from ingest.log.sqlite import SqliteEventLog
from tests.support.kafka import Kafka, prepared

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


async def read(log: EventLog, partition: int, after: int, limit: int) -> list[Entry]:
    """Read up to `limit` entries; one answer may hold fewer than there are."""
    found: list[Entry] = []
    while page := await log.read(
        TOPIC, partition, found[-1].offset if found else after, max(1, limit - len(found))
    ):
        found += page
        if len(found) >= limit:
            break
    return found


async def end_state(log: EventLog) -> list[tuple[int, list[Entry]]]:
    return [
        (await log.end(TOPIC, partition), await read(log, partition, BEGINNING, 1000))
        for partition in range(PARTITIONS)
    ]


async def compare(steps: list[object], clock: ManualClock, reopen: Callable[[], EventLog]) -> None:
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
                    assert await read(log, partition, after, limit) == expected
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


@pytest.mark.integration
@given(steps=_steps)
@settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
def test_kafka_and_the_fake_agree(kafka_cluster: Kafka, steps: list[object]) -> None:
    async def on_kafka() -> None:
        clock = ManualClock()
        servers = await prepared(kafka_cluster, PARTITIONS)
        await compare(steps, clock, lambda: KafkaEventLog(servers, clock, {TOPIC: PARTITIONS}))

    asyncio.run(on_kafka())
