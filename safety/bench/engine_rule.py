"""The rule of the product under test: recordings through the real telemetry engine, alerts out."""

import heapq
from collections.abc import Iterator

from devices.reports import Fix, Position
from ingest.records import Arrival, Tick
from safety.bench.recording import Crossing, Recording
from safety.domain.plan import NursePlan, OrgPlan
from safety.engine import Record, TelemetryEngine
from safety.rules.effects import Effect, NoteAlert, RaiseAlert

TICK_MS = 1_000
"""As often as the service writes one."""

_QUIET_MS = 120_000
"""So long after the last report ticks may still decide something; then they stop until the next one."""


def vigil(recordings: list[Recording]) -> list[list[Crossing]]:
    """Return what the engine raised: one engine hears all of them, each from a nurse of her own."""
    engine = TelemetryEngine()
    numbers: dict[str, int] = {}
    said: list[list[Crossing]] = [[] for _ in recordings]
    for number, recording in enumerate(recordings):
        for plan in _plans(number, recording):
            engine.step(plan)
    for at_ms, record in _records(recordings):
        for effect in engine.step(record):
            _hear(effect, at_ms, said, numbers)
    return said


def _hear(effect: Effect, at_ms: int, said: list[list[Crossing]], numbers: dict[str, int]) -> None:
    if isinstance(effect, RaiseAlert) and effect.kind == "fence_exit" and effect.nurse is not None:
        number = numbers[effect.id] = int(effect.nurse.removeprefix("nur_"))
        said[number].append(Crossing(at_ms, out=True))
    elif isinstance(effect, NoteAlert) and effect.what == "returned" and effect.alert in numbers:
        said[numbers[effect.alert]].append(Crossing(at_ms, out=False))


def _plans(number: int, recording: Recording) -> Iterator[Record]:
    org = f"org_{number}" if recording.fences else "org"
    if recording.fences:
        yield OrgPlan(org=org, fences=recording.fences)
    yield NursePlan(nurse=f"nur_{number}", org=org, visits=(recording.visit,))


def _records(recordings: list[Recording]) -> Iterator[tuple[int, Record]]:
    """Yield (when, record) in the order of a log: every nurse's reports, and a tick each second."""
    streams = [_arrivals(number, recording) for number, recording in enumerate(recordings)]
    next_tick_ms = heard_ms = 0
    for at_ms, _number, _count, arrival in heapq.merge(*streams, key=lambda entry: entry[:3]):
        while next_tick_ms <= at_ms:
            if next_tick_ms > heard_ms + _QUIET_MS:
                next_tick_ms = at_ms - at_ms % TICK_MS
            yield next_tick_ms, Tick(at_ms=next_tick_ms)
            next_tick_ms += TICK_MS
        heard_ms = at_ms
        yield at_ms, arrival
    for late_ms in range(next_tick_ms, heard_ms + _QUIET_MS, TICK_MS):
        yield late_ms, Tick(at_ms=late_ms)


def _arrivals(number: int, recording: Recording) -> Iterator[tuple[int, int, int, Arrival]]:
    org = f"org_{number}" if recording.fences else "org"
    for count, reading in enumerate(recording.readings):
        position = Position(lat=reading.lat, lon=reading.lon, accuracy_m=reading.accuracy_m)
        arrival = Arrival(
            device=f"dev_{number}",
            nurse=f"nur_{number}",
            org=org,
            received_ms=reading.received_ms,
            report=Fix(time_ms=reading.time_ms, seq=count, position=position),
        )
        yield reading.received_ms, number, count, arrival
