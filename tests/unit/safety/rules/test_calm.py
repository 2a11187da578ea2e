"""The bounds of a calm nurse only save work: with them and without, the same fixes say the same."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import reports
from devices.reports import Fix, Position
from safety.domain.plan import NursePlan, OrgPlan
from safety.engine import TelemetryEngine
from safety.rules import calm
from safety.rules.effects import PlacePosition
from safety.rules.nurse_state import NurseState
from tests.support.fences import of_org, square
from tests.support.records import HOME_LAT, HOME_LON, PLAN, VISIT, arrival, at, event, tick

METRE_DEG = 1 / 111_000

FENCES = of_org(
    square("district", "stay_in", 0, 3_000),
    square("yard", "keep_out", 130, 60),
    square("site", "keep_out", 0, 120),
)
FEW = of_org(square("yard", "keep_out", 130, 60))

QUIET = {
    "north_m": 0,
    "east_m": 2,
    "accuracy_m": 12.0,
    "battery_pct": 80.0,
    "after_s": 10,
    "late_s": 0,
    "skip": 1,
}
ODD: dict[str, list[Any]] = {
    "north_m": [3, -20, 40, 75, 120, 200],
    "east_m": [8, -45],
    "accuracy_m": [5.0, 60.0, 130.0, 250.0, None],
    "battery_pct": [None, 79.0, 12.0],
    "after_s": [0, -5, 31, 200, 400, 4_000],
    "late_s": [3, 9, 20, -1, -20],
    "skip": [0, 3],
}
odd = st.sampled_from([{**QUIET, field: value} for field, values in ODD.items() for value in values])
other = st.sampled_from(
    [
        "tick",
        "silence",
        "status",
        "status_ahead",
        "offline",
        "check_in",
        "visit_end",
        "arrive",
        "start_next",
        "fences",
        "few",
        "plan",
    ]
)
steps = st.tuples(st.one_of(odd, odd, other), st.integers(1, 6), st.integers(0, 6))
"""So often something out of the ordinary, then so many quiet fixes."""

days = st.lists(steps, max_size=10).map(
    lambda steps: [each for first, times, quiet in steps for each in (*[first] * times, *[QUIET] * quiet)]
)


NEAR = msgspec.structs.replace(
    VISIT, id="vis_2", lat=HOME_LAT + 190 * METRE_DEG, starts_ms=at(960), ends_ms=at(1_500)
)
PLANS = [PLAN, msgspec.structs.replace(PLAN, visits=(VISIT, NEAR))]
PLANS += [
    msgspec.structs.replace(PLAN, visits=(VISIT, msgspec.structs.replace(NEAR, **other)))
    for other in ({"lat": HOME_LAT}, {"lat": HOME_LAT + 400 * METRE_DEG, "starts_ms": at(0)})
]


def log_of(day: list[Any], fences: OrgPlan = FEW, plan: NursePlan = PLAN) -> list[Any]:
    second, seq, log = 5, 0, [plan, fences, tick(0)]
    for what in day:
        if isinstance(what, dict):
            second = max(1, second + what["after_s"])
            seq += what["skip"]
            log.append(_fix(second, seq, what))
        else:
            log += _other(what, second)
    return [*log, tick(second + 700)]


def _fix(second: int, seq: int, what: dict[str, Any]) -> Any:
    position = Position(
        lat=HOME_LAT + what["north_m"] * METRE_DEG,
        lon=HOME_LON + what["east_m"] * METRE_DEG,
        accuracy_m=what["accuracy_m"],
    )
    told_ms = at(second - what["late_s"])
    report = Fix(time_ms=told_ms, seq=seq, position=position, battery_pct=what["battery_pct"])
    return arrival(report, second)


def _other(what: str, second: int) -> list[Any]:
    if what in ("tick", "silence"):
        return [tick(second + late) for late in range(0, 200 if what == "silence" else 1, 9)]
    if what in ("status", "status_ahead", "offline"):
        heard = second + 15 if what == "status_ahead" else second
        return [arrival(reports.StatusReported(time_ms=at(second), online=what != "offline"), heard)]
    if what in ("check_in", "visit_end"):
        return [event(reports.CheckedIn if what == "check_in" else reports.VisitEnded, second)]
    if what in ("arrive", "start_next"):
        kind = reports.Arrived if what == "arrive" else reports.VisitStarted
        return [event(kind, second, visit="vis_1" if what == "arrive" else "vis_2")]
    if what == "plan":
        return [msgspec.structs.replace(PLAN, visits=(msgspec.structs.replace(VISIT, radius_m=120.0),))]
    return [FENCES if what == "fences" else FEW]


class LongWay(TelemetryEngine):
    """An engine that lets nobody sleep."""

    def _settle(self, key: str, state: NurseState) -> None:
        pass


def states_of(engine: TelemetryEngine) -> dict[str, NurseState]:
    """The states of all nurses, awake."""
    fresh = TelemetryEngine()
    fresh.restore(engine.snapshot())
    return {key: fresh._awake(key) for key in ("nur_1",)}


@settings(max_examples=150, deadline=None)
@given(
    day=days,
    fences=st.sampled_from([FENCES, FEW]),
    plan=st.sampled_from(PLANS),
    cuts=st.sets(st.integers(0, 90)),
)
def test_nothing_is_said_that_the_long_way_would_not_say(
    day: list[Any], fences: OrgPlan, plan: NursePlan, cuts: set[int]
) -> None:
    short, long = TelemetryEngine(), LongWay()
    for index, record in enumerate(log_of([*[QUIET] * 6, *day], fences, plan)):
        if index in cuts:
            snapshot = short.snapshot()
            short = TelemetryEngine()
            short.restore(snapshot)
        assert short.step(record) == long.step(record)
        assert states_of(short) == states_of(long)


def test_who_stays_where_she_is_takes_the_short_way(monkeypatch: Any) -> None:
    taken = []

    def take(*given: Any) -> PlacePosition | None:
        taken.append(calm.take(*given))
        return taken[-1]

    monkeypatch.setattr("safety.engine.take", take)
    engine = TelemetryEngine()
    for record in log_of([QUIET] * 30):
        engine.step(record)
    assert sum(placed is not None for placed in taken) >= 25
