"""The embedded log on a real disk: killed at any instant, full, held by another, read from outside."""

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from devices.clock import ManualClock, SystemClock
from ingest.errors import LogError, LogInUse, LogUnavailable
from ingest.lanes import LANES, TELEMETRY
from ingest.log.port import BEGINNING, Entry, EventLog, NewEntry
from ingest.log.sqlite import SqliteEventLog
from ingest.log.sqlite_view import SqliteLogView
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
APPENDER = Path(__file__).with_name("log_appender.py")
PARTITIONS = 2
pytestmark = pytest.mark.integration


async def everything(log: EventLog, topic: str, partition: int) -> list[Entry]:
    entries: list[Entry] = []
    while page := await log.read(topic, partition, entries[-1].offset if entries else BEGINNING, 5000):
        entries.extend(page)
    return entries


def run_and_kill(directory: Path, seed: int, after_lines: int) -> dict[tuple[str, str], int]:
    """Run the appender, kill -9 it after so many acknowledgements; return the last of each caller."""
    command = [sys.executable, str(APPENDER), str(directory), str(seed)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after_lines)]
        process.kill()
        lines += process.stdout.readlines()
    acknowledged = {}
    for line in lines:
        topic, caller, number = line.split()
        acknowledged[topic, caller] = int(number)
    return acknowledged


async def check(directory: Path, acknowledged: dict[tuple[str, str], int]) -> None:
    """Everything acknowledged is there, in order, once, at offsets without gaps; batches are whole."""
    log = SqliteEventLog(directory, SystemClock(), PARTITIONS)
    stored: dict[tuple[str, str], list[int]] = {}
    for topic in LANES:
        for partition in range(PARTITIONS):
            entries = await everything(log, topic, partition)
            assert [entry.offset for entry in entries] == list(range(len(entries)))
            assert await log.end(topic, partition) == len(entries) - 1
            for entry in entries:
                stored.setdefault((topic, entry.key), []).append(int(entry.value))
    await log.close()
    for caller, numbers in stored.items():
        assert numbers == list(range(len(numbers))), caller
    missing = {caller: last for caller, last in acknowledged.items() if len(stored.get(caller, [])) <= last}
    assert not missing


def kill_rounds(directory: Path, rounds: int) -> None:
    random = Random(20260101)
    acknowledged: dict[tuple[str, str], int] = {}
    for seed in range(rounds):
        acknowledged |= run_and_kill(directory, seed, random.randint(1, 400))
        asyncio.run(check(directory, acknowledged))


def test_nothing_acknowledged_is_lost_when_killed(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 5)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_when_killed_a_hundred_times(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 100)


async def test_a_full_disk_refuses_whole_appends_and_recovers(tmp_path: Path) -> None:
    clock = ManualClock()
    log = SqliteEventLog(tmp_path, clock, max_topic_bytes=256 * 1024)
    batch = [NewEntry("nur_a", bytes(4096))] * 8
    written = 0
    refusal: LogUnavailable | None = None
    while refusal is None and written < 100:
        try:
            await log.append(TELEMETRY, batch)
            written += 1
        except LogUnavailable as error:
            refusal = error
    assert "full" in str(refusal)
    assert written >= 1
    outcomes = await asyncio.gather(*(log.append(TELEMETRY, batch) for _ in range(5)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {LogUnavailable}
    assert len(await everything(log, TELEMETRY, 0)) == written * 8
    clock.advance_s(60)
    assert await log.forget(TELEMETRY, clock.now_ms()) == written * 8 - 1
    await log.append(TELEMETRY, [NewEntry("nur_a", b"again")])
    entries = await everything(log, TELEMETRY, 0)
    assert [(entry.offset, entry.value) for entry in entries[1:]] == [(written * 8, b"again")]
    await log.close()
    log = SqliteEventLog(tmp_path, clock)
    assert await everything(log, TELEMETRY, 0) == entries
    await log.close()


async def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path, SystemClock())
    with pytest.raises(LogInUse, match=r"is written by process \d+: stop it first"):
        SqliteEventLog(tmp_path, SystemClock())
    await log.close()
    await SqliteEventLog(tmp_path, SystemClock()).close()


async def test_the_number_of_partitions_stays(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path, SystemClock(), 4)
    await log.append(TELEMETRY, [NewEntry("nur_a", b"")])
    await log.close()
    log = SqliteEventLog(tmp_path, SystemClock(), {TELEMETRY: 8})
    with pytest.raises(LogError, match="has 4 partitions, not 8"):
        await log.end(TELEMETRY, 0)
    await log.close()


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LogUnavailable, match="file"):
        SqliteEventLog(tmp_path / "file" / "log", SystemClock())


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    run_and_kill(tmp_path, 1, 50)
    return tmp_path


async def test_a_view_reads_what_a_killed_writer_left(crashed: Path) -> None:
    view = SqliteLogView(crashed, SystemClock())
    assert view.partitions(TELEMETRY) == PARTITIONS
    entries = await everything(view, TELEMETRY, 0)
    assert len(entries) == await view.end(TELEMETRY, 0) + 1 > 0
    await view.close()


async def test_a_view_follows_a_writer_and_changes_nothing(tmp_path: Path) -> None:
    clock = SystemClock()
    log, view = SqliteEventLog(tmp_path, clock), SqliteLogView(tmp_path, clock)
    with pytest.raises(LogUnavailable, match="telemetry"):
        await view.read(TELEMETRY, 0, BEGINNING, 10)
    await log.append(TELEMETRY, [NewEntry("nur_a", b"1")])
    assert await view.wait(TELEMETRY, 0, BEGINNING, 0)
    assert not await view.wait(TELEMETRY, 0, 0, 0.01)
    waiting = asyncio.create_task(view.wait(TELEMETRY, 0, 0, 60))
    await log.append(TELEMETRY, [NewEntry("nur_a", b"2")])
    assert await waiting
    assert await view.read(TELEMETRY, 0, 0, 10) == await log.read(TELEMETRY, 0, 0, 10)
    with pytest.raises(LogError, match="reading only"):
        await view.append(TELEMETRY, [NewEntry("nur_a", b"3")])
    with pytest.raises(LogError, match="reading only"):
        await view.forget(TELEMETRY, 0)
    await view.close()
    await log.close()


async def test_old_entries_come_from_the_disk_while_new_ones_arrive(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path, SystemClock())
    done = asyncio.Event()

    async def write() -> None:
        for number in range(0, 30_000, 500):
            await log.append(TELEMETRY, [NewEntry("n", b"%d" % each) for each in range(number, number + 500)])
        done.set()

    async def follow() -> list[int]:
        read: list[int] = []
        while len(read) < 30_000:
            await log.wait(TELEMETRY, 0, len(read) - 1, 60)
            read.extend(int(entry.value) for entry in await log.read(TELEMETRY, 0, len(read) - 1, 256))
        return read

    *reads, _ = await asyncio.gather(follow(), follow(), write())
    late = await follow()
    assert reads == [late, late] == [list(range(30_000))] * 2
    await log.close()


async def test_a_cancelled_caller_harms_nobody(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path, SystemClock())
    tasks = [asyncio.create_task(log.append(TELEMETRY, [NewEntry("n", b"%d" % n)])) for n in range(100)]
    await asyncio.wait(tasks, timeout=0)
    for task in tasks[::3]:
        task.cancel()
    await asyncio.wait(tasks)
    kept = {int(entry.value) for entry in await everything(log, TELEMETRY, 0)}
    assert {number for number, task in enumerate(tasks) if not task.cancelled()} <= kept
    await eventually(lambda: log.queued(TELEMETRY) == 0)
    await log.close()
