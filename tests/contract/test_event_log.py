"""The contract of every EventLog adapter: one suite, run on each of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest

from devices.clock import ManualClock
from ingest.errors import LogUnavailable
from ingest.log.kafka import KafkaEventLog
from ingest.log.memory import MemoryEventLog
from ingest.log.partitioning import partition_of
from ingest.log.port import BEGINNING, Entry, EventLog, NewEntry
from ingest.log.sqlite import SqliteEventLog
from tests.support.kafka import prepared
from tests.support.waiting import PATIENCE_S, eventually

PARTITIONS = 3
TOPIC = "telemetry"
Opener = Callable[[], EventLog]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


KAFKA = pytest.param("kafka", marks=pytest.mark.integration)


@pytest.fixture(params=["memory", "sqlite", KAFKA])
async def log(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[EventLog]:
    log: EventLog
    match request.param:
        case "memory":
            log = MemoryEventLog(clock, PARTITIONS)
        case "sqlite":
            log = SqliteEventLog(tmp_path / "log", clock, PARTITIONS)
        case _:
            servers = await prepared(request.getfixturevalue("kafka_cluster"), PARTITIONS)
            log = await KafkaEventLog.open(servers, clock)
    yield log
    await log.close()


@pytest.fixture(params=["sqlite", KAFKA])
async def opener(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Opener:
    """Opens the same durable log again and again; the fake has no part in it."""
    if request.param == "sqlite":
        return lambda: SqliteEventLog(tmp_path / "log", clock, PARTITIONS)
    servers = await prepared(request.getfixturevalue("kafka_cluster"), PARTITIONS)
    return lambda: KafkaEventLog(servers, clock, {TOPIC: PARTITIONS})


def numbered(count: int, key: str = "nur_a", start: int = 0) -> list[NewEntry]:
    return [NewEntry(key, str(number).encode()) for number in range(start, start + count)]


async def everything(log: EventLog, topic: str = TOPIC, limit: int = 7) -> list[list[Entry]]:
    """Read all partitions to their ends, in pages of `limit`."""
    found: list[list[Entry]] = []
    for partition in range(log.partitions(topic)):
        entries: list[Entry] = []
        while page := await log.read(topic, partition, entries[-1].offset if entries else BEGINNING, limit):
            entries.extend(page)
        found.append(entries)
    return found


def values(entries: list[Entry]) -> list[int]:
    return [int(entry.value) for entry in entries]


async def test_an_empty_log_reads_nothing(log: EventLog) -> None:
    assert await everything(log) == [[], [], []]
    assert await log.end(TOPIC, 0) == BEGINNING
    assert not await log.wait(TOPIC, 0, BEGINNING, 0)


async def test_what_is_appended_is_read_in_order(log: EventLog, clock: ManualClock) -> None:
    await log.append(TOPIC, numbered(20))
    clock.advance_s(1)
    await log.append(TOPIC, numbered(5, start=20))
    partition = partition_of("nur_a", PARTITIONS)
    entries = (await everything(log))[partition]
    assert values(entries) == list(range(25))
    assert [entry.offset for entry in entries] == list(range(25))
    assert {entry.key for entry in entries} == {"nur_a"}
    assert entries[0].appended_ms == clock.now_ms() - 1000
    assert entries[-1].appended_ms == clock.now_ms()
    assert await log.end(TOPIC, partition) == 24


async def test_appending_nothing_is_nothing(log: EventLog) -> None:
    await log.append(TOPIC, [])
    assert await everything(log) == [[], [], []]


async def test_any_bytes_and_any_key_come_back(log: EventLog) -> None:
    value = bytes(range(256)) * 4096
    await log.append(TOPIC, [NewEntry("护士\x00'\"", value, 0), NewEntry("", b"", 0)])
    entries = await log.read(TOPIC, 0, BEGINNING, 10)
    assert [(entry.key, entry.value) for entry in entries] == [("护士\x00'\"", value), ("", b"")]


async def test_big_values_are_read_a_few_at_a_time(log: EventLog) -> None:
    big = bytes(3 << 20)
    for _ in range(5):
        await log.append(TOPIC, [NewEntry("", big, 0), NewEntry("", b"small", 0)])
    entries = (await everything(log, limit=100))[0]
    assert [entry.offset for entry in entries] == list(range(10))
    assert [len(entry.value) for entry in entries] == [3 << 20, 5] * 5


async def test_each_key_stays_in_its_partition(log: EventLog) -> None:
    keys = [f"nur_{number}" for number in range(50)]
    await log.append(TOPIC, [NewEntry(key, b"1") for key in keys])
    for partition, entries in enumerate(await everything(log)):
        assert [entry.key for entry in entries] == [
            key for key in keys if partition_of(key, PARTITIONS) == partition
        ]


async def test_a_named_partition_is_obeyed(log: EventLog) -> None:
    await log.append(TOPIC, [NewEntry("", b"1", partition) for partition in range(PARTITIONS)])
    assert [values(entries) for entries in await everything(log)] == [[1], [1], [1]]


async def test_one_bad_entry_refuses_the_whole_append(log: EventLog) -> None:
    with pytest.raises(ValueError, match="no partition 3"):
        await log.append(TOPIC, [*numbered(3), NewEntry("", b"9", PARTITIONS)])
    assert await everything(log) == [[], [], []]


async def test_topics_are_apart(log: EventLog) -> None:
    await log.append("alarms", [NewEntry("", b"1", 0)])
    await log.append(TOPIC, [NewEntry("", b"2", 0)])
    assert values(await log.read("alarms", 0, BEGINNING, 9)) == [1]
    assert values(await log.read(TOPIC, 0, BEGINNING, 9)) == [2]


async def test_many_at_once_keep_each_key_in_order(log: EventLog) -> None:
    random = Random(7)
    sent: dict[str, list[int]] = {f"nur_{number}": [] for number in range(9)}

    async def send(key: str) -> None:
        for _ in range(20):
            batch = range(len(sent[key]), len(sent[key]) + random.randint(1, 4))
            sent[key].extend(batch)
            await log.append(TOPIC, [NewEntry(key, str(number).encode()) for number in batch])

    await asyncio.gather(*(send(key) for key in sent))
    read: dict[str, list[int]] = {key: [] for key in sent}
    for entries in await everything(log, limit=64):
        assert [entry.offset for entry in entries] == list(range(len(entries)))
        for entry in entries:
            read[entry.key].append(int(entry.value))
    assert read == sent


async def test_appends_of_one_task_are_handed_over_in_order(log: EventLog) -> None:
    pending = [asyncio.create_task(log.append(TOPIC, [NewEntry("", b"%d" % n, 0)])) for n in range(3000)]
    await asyncio.gather(*pending)
    assert values((await everything(log, limit=999))[0]) == list(range(3000))


async def test_readers_do_not_disturb_each_other(log: EventLog) -> None:
    await log.append(TOPIC, [NewEntry("", b"%d" % number, 0) for number in range(100)])

    async def read_in_steps(step: int) -> list[int]:
        found: list[Entry] = []
        while page := await log.read(TOPIC, 0, found[-1].offset if found else BEGINNING, step):
            found.extend(page)
        return values(found)

    for read in await asyncio.gather(*(read_in_steps(step) for step in (1, 3, 10, 100, 1000))):
        assert read == list(range(100))


async def test_reading_past_the_end_is_empty(log: EventLog) -> None:
    await log.append(TOPIC, [NewEntry("", b"0", 0)])
    assert await log.read(TOPIC, 0, 0, 10) == []
    assert await log.read(TOPIC, 0, 17, 10) == []


async def test_wait_sees_what_is_there_already(log: EventLog) -> None:
    await log.append(TOPIC, [NewEntry("", b"0", 1)])
    assert await log.wait(TOPIC, 1, BEGINNING, 5)
    assert not await log.wait(TOPIC, 1, 0, 0)


async def test_an_append_wakes_every_waiter_of_its_partition(log: EventLog) -> None:
    waiting = [asyncio.create_task(log.wait(TOPIC, 1, BEGINNING, 60)) for _ in range(3)]
    elsewhere = asyncio.create_task(log.wait(TOPIC, 2, BEGINNING, 60))
    await log.append(TOPIC, [NewEntry("", b"0", 1)])
    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.gather(*waiting) == [True] * 3
    assert not elsewhere.done()
    elsewhere.cancel()


async def test_wait_ends_with_its_time(log: EventLog, clock: ManualClock) -> None:
    waiting = asyncio.create_task(log.wait(TOPIC, 1, BEGINNING, 2))
    for _ in range(20):
        clock.advance_s(0.09)
        await log.append(TOPIC, [NewEntry("", b"0", 0)])
    assert not waiting.done()

    def is_over() -> bool:
        clock.advance_s(1)
        return waiting.done()

    await eventually(is_over)
    assert waiting.result() is False


async def test_forgetting_keeps_the_young_and_the_newest(log: EventLog, clock: ManualClock) -> None:
    start_ms = clock.now_ms()
    for number in range(10):
        await log.append(TOPIC, [NewEntry("", b"%d" % number, 0)])
        clock.advance_s(60)
    assert await log.forget(TOPIC, start_ms + 4 * 60_000) == 4
    assert values((await everything(log))[0]) == [4, 5, 6, 7, 8, 9]
    assert await log.forget(TOPIC, clock.now_ms()) == 5
    assert values((await everything(log))[0]) == [9]
    assert await log.forget(TOPIC, clock.now_ms()) == 0
    await log.append(TOPIC, [NewEntry("", b"10", 0)])
    assert [(entry.offset, int(entry.value)) for entry in (await everything(log))[0]] == [(9, 9), (10, 10)]


async def test_forgetting_much_lets_appends_pass(log: EventLog, clock: ManualClock) -> None:
    await log.append(TOPIC, [NewEntry("", b"%d" % number, number % 2) for number in range(9000)])
    clock.advance_s(60)
    forgetting = asyncio.create_task(log.forget(TOPIC, clock.now_ms()))
    await log.append(TOPIC, [NewEntry("", b"9000", 0)])
    forgotten = await forgetting
    first, second, third = [values(entries) for entries in await everything(log)]
    assert (first[-1], second, third) == (9000, [8999], [])
    # Which of the two came first is open.
    assert forgotten == 9001 - len(first) - len(second)
    assert len(first) <= 2


async def test_a_clock_set_back_does_not_hide_the_old(log: EventLog, clock: ManualClock) -> None:
    await log.append(TOPIC, [NewEntry("", b"0", 0)])
    later_ms = clock.now_ms()
    clock.advance_s(-3600)
    await log.append(TOPIC, [NewEntry("", b"1", 0)])
    times = [entry.appended_ms for entry in (await everything(log))[0]]
    assert times == [later_ms, later_ms]


async def test_a_closed_log_refuses(log: EventLog) -> None:
    await log.append(TOPIC, [NewEntry("", b"0", 0)])
    waiting = asyncio.create_task(log.wait(TOPIC, 0, 0, 60))
    await asyncio.wait_for(asyncio.gather(log.close(), waiting), PATIENCE_S)
    assert waiting.result() is False
    with pytest.raises(LogUnavailable):
        await log.append(TOPIC, [NewEntry("", b"1", 0)])


async def test_closing_finishes_what_was_begun(opener: Opener) -> None:
    log = opener()
    appends = [asyncio.create_task(log.append(TOPIC, [NewEntry("", b"%d" % n, 0)])) for n in range(500)]
    await asyncio.wait(appends[:1])
    await log.close()
    outcomes = await asyncio.gather(*appends, return_exceptions=True)
    kept = [number for number, outcome in enumerate(outcomes) if outcome is None]
    again = opener()
    assert values((await everything(again, limit=500))[0]) == kept
    await again.close()


async def test_offsets_go_on_after_a_restart_and_after_forgetting(opener: Opener, clock: ManualClock) -> None:
    log = opener()
    await log.append(TOPIC, [NewEntry("", b"%d" % number, number % 2) for number in range(10)])
    clock.advance_s(60)
    assert await log.forget(TOPIC, clock.now_ms()) == 8
    await log.close()
    clock.advance_s(-7200)
    log = opener()
    assert [await log.end(TOPIC, partition) for partition in range(PARTITIONS)] == [4, 4, BEGINNING]
    await log.append(TOPIC, [NewEntry("", b"10", 0)])
    entries = (await everything(log))[0]
    assert [(entry.offset, int(entry.value)) for entry in entries] == [(4, 8), (5, 10)]
    assert entries[1].appended_ms >= entries[0].appended_ms
    await log.close()
