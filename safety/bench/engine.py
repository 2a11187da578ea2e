"""`vigil bench engine`: what the engine's whole step costs, decoding included, on one core.

The floor, in the same run and on the same data: decoding each entry with msgspec, and asking shapely's
vectorised predicate which of the shared fences, and of the nurse's own, hold each fix. Rates are for each
second of the processor, so that what else the machine does counts little.
"""

import gc
import statistics
import tracemalloc
from typing import Any

import numpy as np
import shapely

from devices.clock import Clock, SystemClock
from devices.reports import Fix
from ingest.lanes import ALARMS, TELEMETRY
from ingest.records import Arrival, encode
from safety.bench.engine_world import World, make_world
from safety.bench.report import Row, at_least, percentile, report, row
from safety.domain.fence import Circle, outline_of
from safety.domain.plan import VisitPlan
from safety.engine import Engine, decode, engine_for
from safety.engine import run as run_batch

BATCH = 256
ROUNDS = 3
SETTLING = 6
ASTRAY_DEG = 5e-4
LEAST_FIXES = 50_000
NURSES = 100_000
SHARED = 10_000
ALARMS_ALONE = 2_000
GROWTH_NURSES = (1_000, 10_000, 1_000_000)
GROWTH_SHARED = (10, 1_000, 100_000)


def run(nurses: int = NURSES, shared: int = SHARED, *, growth: bool = True) -> dict[str, Any]:
    """Measure an engine of `nurses` and `shared` fences, and how its cost grows; returns the report."""
    clock = SystemClock()
    rows = _measure(make_world(nurses, shared), clock)
    if growth:
        rows += [_grown(count, shared, f"{count:,} nurses", clock) for count in GROWTH_NURSES]
        rows += [_grown(nurses, count, f"{count:,} shared fences", clock) for count in GROWTH_SHARED]
    return report("engine", rows)


def _measure(world: World, clock: SystemClock) -> list[Row]:
    engine = loaded(world)
    gc.collect()
    gc.freeze()
    rounds = [world.fixes(number) for number in range(ROUNDS)]
    pauses_ms = _watch_pauses(clock)
    rate = statistics.median(_rate(engine, fixes, clock) for fixes in rounds)
    longest_ms = max(pauses_ms, default=0.0)
    astray = _rate(engine, world.fixes(ROUNDS, spread_deg=ASTRAY_DEG), clock)
    astray_ms = max(pauses_ms, default=0.0)
    gc.callbacks.clear()
    gc.unfreeze()
    floor = statistics.median(_floor_rate(world, fixes, clock) for fixes in rounds)
    speed = at_least("fixes a second and core, batch 256", rate, "1/s", 100_000)
    ratio = rate / floor
    return [
        {**speed, "floor": round(floor), "ratio": round(ratio, 2)},
        at_least("share of the floor's speed", ratio, "", 0.4),
        row("fixes a second and core while they stray by 55 m", astray, "1/s"),
        *_alarm_alone(world, clock),
        row("longest garbage collection", longest_ms, "ms", limit={"at_most": 10.0}),
        row("longest garbage collection while they stray", astray_ms, "ms"),
        row("memory a nurse beside her fences", _memory_b(), "B", limit={"at_most": 1_500.0}),
        *_restore(engine, len(world.nurses), clock),
    ]


def _memory_b(nurses: int = 2_000) -> float:
    """Return what the engine keeps of a nurse with no fence but her visit's circle, as Python counts it."""
    world = make_world(nurses, 100, most_own=0)
    gc.collect()
    tracemalloc.start()
    before_b, _ = tracemalloc.get_traced_memory()
    engine = loaded(world)
    gc.collect()
    after_b, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del engine
    return (after_b - before_b) / nurses


def loaded(world: World) -> Engine:
    """Return a telemetry engine that knows the world's plans and has heard everybody for a minute."""
    engine = engine_for(TELEMETRY)
    engine.step(decode(encode(world.org)))
    for plan in world.nurses:
        engine.step(decode(encode(plan)))
    for number in range(-SETTLING, 0):
        fixes = world.fixes(number)
        for start in range(0, len(fixes), BATCH):
            run_batch(engine, fixes[start : start + BATCH])
        engine.step(decode(world.tick(number)))
    return engine


def _rate(engine: Engine, fixes: list[bytes], clock: SystemClock) -> float:
    began_s = clock.cpu_s()
    for start in range(0, len(fixes), BATCH):
        run_batch(engine, fixes[start : start + BATCH])
    return len(fixes) / (clock.cpu_s() - began_s)


def _floor_rate(world: World, fixes: list[bytes], clock: SystemClock) -> float:
    shared = np.array([outline_of(fence) for fence in world.org.fences], dtype=object)
    own = [_outlines(plan.visits[0]) for plan in world.nurses]
    shapely.prepare(shared)
    for outlines in own:
        shapely.prepare(outlines)
    index = shapely.STRtree(shared)
    took_s = 0.0
    for _ in range(2):  # prepared shapes are built by the second question
        began_s = clock.cpu_s()
        for start in range(0, len(fixes), BATCH):
            _ask(index, shared, own[start : start + BATCH], fixes[start : start + BATCH])
        took_s = clock.cpu_s() - began_s
    return len(fixes) / took_s


def _outlines(visit: VisitPlan) -> list[shapely.Geometry]:
    """Return the fences of a visit as polygons: its circle, and those of its own."""
    circle = Circle(visit.lat, visit.lon, visit.radius_m).outline()
    return [circle, *(outline_of(fence) for fence in visit.fences)]


def _ask(index: shapely.STRtree, shared: Any, own: list[list[Any]], values: list[bytes]) -> None:
    places = []
    for value in values:
        record = decode(value)
        if isinstance(record, Arrival) and isinstance(record.report, Fix):
            places.append(record.report.position)
    lons = np.array([place.lon for place in places])
    lats = np.array([place.lat for place in places])
    seen, near = index.query(shapely.points(lons, lats))
    shapely.contains_xy(shared[near], lons[seen], lats[seen])
    pairs = [(outline, number) for number, outlines in enumerate(own) for outline in outlines]
    if pairs:
        whose = np.array([number for _, number in pairs])
        shapely.contains_xy([outline for outline, _ in pairs], lons[whose], lats[whose])


def _alarm_alone(world: World, clock: Clock) -> list[Row]:
    engine = engine_for(ALARMS)
    for plan in world.nurses:
        engine.step(decode(encode(plan)))
    took_ms = []
    for number in range(ALARMS_ALONE):
        value = world.panic(number)
        began_s = clock.monotonic_s()
        run_batch(engine, [value])
        took_ms.append((clock.monotonic_s() - began_s) * 1000)
    p99 = percentile(took_ms, 0.99)
    return [
        row("one alarm alone, p50", percentile(took_ms, 0.5), "ms"),
        row("one alarm alone, p99", p99, "ms", limit={"at_most": 1.0}),
    ]


def _restore(engine: Engine, nurses: int, clock: Clock) -> list[Row]:
    began_s = clock.monotonic_s()
    snapshot = engine.snapshot()
    took_s = clock.monotonic_s() - began_s
    fresh = engine_for(TELEMETRY)
    gc.disable()  # as the runner does
    began_s = clock.monotonic_s()
    fresh.restore(snapshot)
    restored_s = clock.monotonic_s() - began_s
    gc.enable()
    return [
        row(f"snapshot of {nurses:,} nurses", took_s, "s"),
        row(f"restore of {nurses:,} nurses", restored_s, "s", limit={"at_most": 2.0}),
        row("snapshot a nurse, her fences included", len(snapshot) / nurses, "B"),
    ]


def _grown(nurses: int, shared: int, what: str, clock: SystemClock) -> Row:
    world = make_world(nurses, shared)
    engine = loaded(world)
    rounds = range(max(1, LEAST_FIXES // nurses))
    fixes = [fix for number in rounds for fix in world.fixes(number, min(nurses, NURSES))]
    took_us = 1e6 / _rate(engine, fixes, clock)
    return row(f"a fix among {what}", took_us, "us")


def _watch_pauses(clock: Clock) -> list[float]:
    """Have the length of each garbage collection put into the returned list, in ms."""
    pauses_ms: list[float] = []
    began_s = 0.0

    def watch(phase: str, _info: dict[str, int]) -> None:
        nonlocal began_s
        if phase == "start":
            began_s = clock.monotonic_s()
        else:
            pauses_ms.append((clock.monotonic_s() - began_s) * 1000)

    gc.callbacks.append(watch)
    return pauses_ms
