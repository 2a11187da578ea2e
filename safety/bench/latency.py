"""The latency benchmark: from a panic's publish to its frame on a dispatcher's screen, idle and under load.

A real `vigil up` runs in processes of its own on an empty data directory; the phones, the screen and the
clock that times both are here, so one clock tells both ends. Each panic is a new alert: it is resolved
before the same phone presses again. The load is a third party: `safety.bench.walks`, thousands of fixes a
second from hundreds of connections, each nurse on a visit, so that every fix is logged, judged and kept as
track. A service that is too slow for the load is measured under what it can take; the last row says what
that was.

The floor is the same panic through the same embedded broker to a subscriber that does nothing with it. It
needs a second process of that broker: Vigil's own hands messages to ingest alone, under a secret that never
leaves the service, and acknowledges a device only after ingest has. In the place of ingest stands a bare
subscriber of the same client library, with the same kind of session. The floor's panics alternate with
Vigil's, so that both see the same machine; under load the second broker gets the same load for itself, in
a turn of its own, since two loads at once would measure the machine's two cores.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from devices.clock import Clock, SystemClock
from safety.bench.cast import Cast, seed, write_roster
from safety.bench.children import load, vigil_up
from safety.bench.floor import Floor, open_floor
from safety.bench.phone import Phone
from safety.bench.presses import PATIENCE_S, Presses, connect
from safety.bench.report import Limit, Row, at_least, percentile, report, row
from safety.bench.screen import Screen, open_screen
from safety.store.database import Database, database_url

SCREEN_WITHIN_MS = 1_000.0
TIMES_FLOOR = 4.0
TIMES_IDLE = 3.0
STEADY_PART = 0.95
"""Of the load that was ordered, how much must have been processed while it was measured."""

_SETTLE_S = 2.0
_PARTS = (("p50", 0.50), ("p99", 0.99))


class Size(NamedTuple):
    """How much is measured: `panics` per phase from `phones`, beside `rate_per_s` fixes of `walkers`."""

    panics: int = 200
    warm_up: int = 20
    phones: int = 20
    walkers: int = 200
    rate_per_s: float = 5_000.0


class Figures(NamedTuple):
    """What one phase found, in ms: publish to frame, to `alarm_received`, and to the bare subscriber."""

    shown_ms: list[float]
    received_ms: list[float]
    floor_ms: list[float]


def run(size: Size = Size()) -> dict[str, Any]:  # noqa: B008  a tuple of numbers never changes
    """Measure, and return the report.

    Raises:
        BenchFailed: the service did not come up, or a panic did not come through.
    """
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        with runner:
            return report("latency", runner.run(_measure(size, Path(folder))))


async def _measure(size: Size, folder: Path) -> list[Row]:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    clock = SystemClock()
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    url = database_url(data_dir)
    cast = await asyncio.to_thread(_seed, url, size, clock.now_ms())
    write_roster(cast.walkers, folder / "roster.json")
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(vigil_up(data_dir))
        floor, floor_port = await stack.enter_async_context(open_floor(url, clock))
        screen = await stack.enter_async_context(open_screen(up.http_port, cast.token, clock))
        phones = await connect(stack, cast.phones, up.mqtt_port, clock)
        bare = await connect(stack, cast.phones, floor_port, clock)
        trial = Trial(size, clock, screen, Presses(clock, screen, phones), floor, bare)
        _tell(f"{size.panics} panics, idle")
        await trial.warm_up()
        idle = await trial.alternate()
        _tell(f"{size.panics} panics, under {size.rate_per_s:g} fixes/s")
        async with load(folder / "roster.json", up.mqtt_port, size.rate_per_s):
            loaded, rate_per_s = await trial.press_under_load()
        _tell("the floor under the same load")
        async with load(folder / "roster.json", floor_port, size.rate_per_s):
            floor_ms = await trial.floor_under_load()
    return _rows(idle, loaded._replace(floor_ms=floor_ms), rate_per_s, size)


class Trial:
    """Presses, and times what comes of it."""

    def __init__(
        self, size: Size, clock: Clock, screen: Screen, presses: Presses, floor: Floor, bare: list[Phone]
    ) -> None:
        self._size, self._clock = size, clock
        self._screen, self._presses = screen, presses
        self._floor, self._bare = floor, bare

    async def warm_up(self) -> None:
        """Press a few times unmeasured: first times compile statements and open connections."""
        for turn in range(self._size.warm_up):
            await self._presses.press(turn)
            await self._press_bare(turn)

    async def alternate(self) -> Figures:
        """Press by turns through Vigil and through the bare broker."""
        figures = Figures([], [], [])
        for turn in range(self._size.panics):
            shown_ms, received_ms = await self._presses.press(turn)
            figures.shown_ms.append(shown_ms)
            figures.received_ms.append(received_ms)
            await self._presses.pause(turn)
            figures.floor_ms.append(await self._press_bare(turn))
            await self._presses.pause(turn)
        return figures

    async def press_under_load(self) -> tuple[Figures, float]:
        """Press through Vigil while the load runs; also tell the fixes per second that it processed."""
        await self._steady(self._screen.fixes_processed)
        figures = Figures([], [], [])
        before, since_s = await self._screen.fixes_processed(), self._clock.monotonic_s()
        for turn in range(self._size.panics):
            shown_ms, received_ms = await self._presses.press(turn)
            figures.shown_ms.append(shown_ms)
            figures.received_ms.append(received_ms)
            await self._presses.pause(turn)
        took_s = self._clock.monotonic_s() - since_s
        return figures, (await self._screen.fixes_processed() - before) / took_s

    async def floor_under_load(self) -> list[float]:
        """Press through the bare broker while the load runs."""

        async def heard() -> float:
            return self._floor.heard

        await self._steady(heard)
        took_ms = []
        for turn in range(self._size.panics):
            took_ms.append(await self._press_bare(turn))
            await self._presses.pause(turn)
        return took_ms

    async def _press_bare(self, turn: int) -> float:
        heard = self._floor.expect()
        pressed_s = self._clock.monotonic_s()
        self._bare[turn % len(self._bare)].press().cancel()  # nobody there answers
        async with asyncio.timeout(PATIENCE_S):
            return (await heard - pressed_s) * 1000

    async def _steady(self, count: Callable[[], Awaitable[float]]) -> None:
        """Wait until the load has come up to its rate, or to what can be had, then a little longer."""
        wanted = self._size.rate_per_s * STEADY_PART
        until_s, rate_per_s = self._clock.monotonic_s() + PATIENCE_S, 0.0
        while rate_per_s < wanted and self._clock.monotonic_s() < until_s:
            before, since_s = await count(), self._clock.monotonic_s()
            await self._clock.sleep_s(1.0)
            rate_per_s = (await count() - before) / (self._clock.monotonic_s() - since_s)
        await self._clock.sleep_s(_SETTLE_S)


def _rows(idle: Figures, loaded: Figures, rate_per_s: float, size: Size) -> list[Row]:
    rows = []
    for part, number in _PARTS:
        limit: Limit = {"at_most": SCREEN_WITHIN_MS, "times_floor": TIMES_FLOOR}
        rows.append(_timed("panic on screen, idle", part, number, idle.shown_ms, idle.floor_ms, limit))
    for part, number in _PARTS:
        limit = {"at_most": SCREEN_WITHIN_MS}
        if part == "p99":
            limit["times"] = (TIMES_IDLE, "idle", percentile(idle.shown_ms, number))
        rows.append(_timed("panic on screen, loaded", part, number, loaded.shown_ms, loaded.floor_ms, limit))
    for name, figures in (("idle", idle), ("loaded", loaded)):
        for part, number in _PARTS:
            what = f"alarm_received, {name}"
            rows.append(_timed(what, part, number, figures.received_ms, figures.floor_ms, None))
    for name, figures in (("idle", idle), ("loaded", loaded)):
        for part, number in _PARTS:
            rows.append(_timed(f"bare round trip, {name}", part, number, figures.floor_ms, None, None))
    rows.append(at_least("fixes processed, loaded", rate_per_s, "1/s", size.rate_per_s * STEADY_PART))
    return rows


def _timed(
    what: str,
    part: str,
    number: float,
    took_ms: list[float],
    floor_ms: list[float] | None,
    limit: Limit | None,
) -> Row:
    floor = None if floor_ms is None else percentile(floor_ms, number)
    return row(f"{what}, {part}", percentile(took_ms, number), "ms", floor=floor, limit=limit)


def _seed(url: str, size: Size, now_ms: int) -> Cast:
    database = Database(url)
    try:
        return seed(database, size.phones, size.walkers, now_ms)
    finally:
        database.close()


def _tell(line: str) -> None:
    """Say what is being measured; it takes a minute."""
    sys.stderr.write(f"{line} ...\n")
    sys.stderr.flush()
