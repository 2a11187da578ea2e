"""The backlog benchmark: a panic's way to the screen while the engine has a million fixes behind it to do.

First a real `vigil up` is measured as `vigil bench latency` measures it when idle. Then it is stopped, and
its log gets what ingest would have written while nobody processed: fixes of nurses on visits, and the ticks
between them. The service starts on that, and is measured again while it catches up. The fixes must be as
many as ordered when the first panic is pressed, though some were processed before the service was ready.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from sqlalchemy import select

from devices.clock import Clock, SystemClock
from devices.reports import Fix, Position
from ingest.lanes import TELEMETRY
from ingest.log.port import NewEntry
from ingest.log.sqlite import SqliteEventLog
from ingest.records import Arrival, Tick, encode
from safety.bench.cast import LAT, LON, Cast, Credentials, seed
from safety.bench.children import vigil_up
from safety.bench.errors import BenchFailed
from safety.bench.presses import Presses, Took, connect
from safety.bench.report import Row, at_least, percentile, report, row
from safety.bench.screen import open_screen
from safety.parts.logs import log_directory
from safety.store.database import Database, database_url
from safety.store.tables import devices

FIXES = 1_000_000
TIMES_ALONE = 2.0
_PARTS = (("p50", 0.50), ("p99", 0.99))
_TICK_EVERY_MS = 1_000
_AT_ONCE = 256


class Size(NamedTuple):
    """How much is measured: `panics` each time, after `warm_up` more, from `phones`; `walkers` sent fixes.

    `spare` fixes more are in the log, for what is processed until the first panic is pressed.
    """

    panics: int = 100
    warm_up: int = 20
    phones: int = 20
    walkers: int = 1_000
    spare: int = 200_000


class Walker(NamedTuple):
    """A device, whose it is, and of which organisation, by their ids."""

    device: str
    nurse: str
    org: str


class Phase(NamedTuple):
    """What was measured on one start: how much waited at the first press and after the last one."""

    first: Took
    panics: list[Took]
    before: float
    after: float


def run(fixes: int = FIXES, size: Size = Size()) -> dict[str, Any]:  # noqa: B008  a tuple of numbers never changes
    """Measure with `fixes` in the log, and return the report.

    Raises:
        BenchFailed: the service did not come up, a panic did not come through, or it had caught up too soon.
    """
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        with runner:
            return report("backlog", runner.run(_measure(fixes, size, Path(folder))))


async def _measure(fixes: int, size: Size, folder: Path) -> list[Row]:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    clock = SystemClock()
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    cast, walkers = await asyncio.to_thread(_seed, database_url(data_dir), size, clock.now_ms())
    _tell(f"{size.panics} panics, without a backlog")
    alone = await _phase(data_dir, cast, cast.phones[: size.phones], size, clock)
    _tell(f"writing {fixes} fixes that nobody processes")
    await _fall_behind(data_dir, walkers, fixes + size.spare, clock)
    _tell(f"{size.panics} panics, behind them")
    # Others press now: to the engine a phone that counts from 1 again repeats what it said before.
    behind = await _phase(data_dir, cast, cast.phones[size.phones :], size, clock)
    if not behind.after:
        raise BenchFailed("the backlog was gone before the last panic: order more fixes")
    return _rows(alone, behind, fixes)


async def _phase(
    data_dir: Path, cast: Cast, phones: Sequence[Credentials], size: Size, clock: Clock
) -> Phase:
    """Start the service, and press."""
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(vigil_up(data_dir))
        screen = await stack.enter_async_context(open_screen(up.http_port, cast.token, clock))
        presses = Presses(clock, screen, await connect(stack, phones, up.mqtt_port, clock))
        before = await screen.fixes_waiting()
        took = []
        for turn in range(1 + size.warm_up + size.panics):
            took.append(await presses.press(turn))
            await presses.pause(turn)
        return Phase(took[0], took[1 + size.warm_up :], before, await screen.fixes_waiting())


async def _fall_behind(data_dir: Path, walkers: list[Walker], fixes: int, clock: Clock) -> None:
    """Append `fixes` to the log of a service that is stopped, round by round of `walkers`."""
    log = SqliteEventLog(log_directory(data_dir), clock)
    try:
        written, at_ms, ticked_ms = 0, clock.now_ms(), 0
        for seq in count(1):
            if written >= fixes:
                return
            at_ms = max(at_ms + 1, clock.now_ms())
            if at_ms - ticked_ms >= _TICK_EVERY_MS:
                ticked_ms = at_ms
                await log.append(TELEMETRY, [NewEntry("", encode(Tick(at_ms)))])
            entries = [_fix(walker, seq, at_ms) for walker in walkers[: fixes - written]]
            for start in range(0, len(entries), _AT_ONCE):
                await log.append(TELEMETRY, entries[start : start + _AT_ONCE])
            written += len(entries)
    finally:
        await log.close()


def _fix(walker: Walker, seq: int, at_ms: int) -> NewEntry:
    position = Position(lat=LAT, lon=LON, accuracy_m=9.0, time_ms=at_ms)
    fix = Fix(time_ms=at_ms, seq=seq, position=position, battery_pct=80.0)
    arrival = Arrival(walker.device, walker.nurse, walker.org, at_ms, fix)
    return NewEntry(arrival.key, encode(arrival))


def _rows(alone: Phase, behind: Phase, fixes: int) -> list[Row]:
    rows = []
    for part, number in _PARTS:
        took_ms, floor_ms = (
            percentile([took.shown_ms for took in phase.panics], number) for phase in (behind, alone)
        )
        what = f"panic on screen, behind a backlog, {part}"
        rows.append(row(what, took_ms, "ms", floor=floor_ms, limit={"times_floor": TIMES_ALONE}))
    for part, number in _PARTS:
        took_ms, floor_ms = (
            percentile([took.received_ms for took in phase.panics], number) for phase in (behind, alone)
        )
        rows.append(row(f"alarm_received, behind a backlog, {part}", took_ms, "ms", floor=floor_ms))
    rows.append(
        row(
            "the first panic after the start",
            behind.first.shown_ms,
            "ms",
            floor=alone.first.shown_ms,
        )
    )
    rows.append(at_least("fixes waiting at the first panic", behind.before, "", fixes))
    rows.append(row("fixes waiting after the last panic", behind.after, ""))
    return rows


def _seed(url: str, size: Size, now_ms: int) -> tuple[Cast, list[Walker]]:
    """Return the cast, and who its walkers are."""
    with closing(Database(url)) as database:
        cast = seed(database, 2 * size.phones, size.walkers, now_ms)
        walking = {walker.id for walker in cast.walkers}
        with database.reading() as connection:
            rows = connection.execute(select(devices.c.id, devices.c.nurse, devices.c.org)).all()
    return cast, [Walker(row.id, row.nurse, row.org) for row in rows if row.id in walking]


def _tell(line: str) -> None:
    """Say what is being measured; it takes a minute."""
    sys.stderr.write(f"{line} ...\n")
    sys.stderr.flush()
