"""Visits against their own definition, and moves that nobody can make, at random."""

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from devices import reports
from devices.reports import Position
from safety.engine import TelemetryEngine
from safety.rules import jumps
from safety.rules.effects import NoteAlert, RaiseAlert
from safety.rules.jumps import FASTEST_MPS, FREE_M, MOST_HELD
from safety.rules.phases import phase_at, phases
from safety.rules.sight import Sight
from safety.rules.times import CLOCK_AHEAD_MS, LATE_MS, TOO_OLD_MS, late, plausible_ms
from tests.support.days import plan_of, replace
from tests.support.records import HOME_LAT, HOME_LON, METRES_PER_DEGREE, T0_MS, at, event, fix, tick

GRACE_S, END_S = 900, 3_600
PLAN = replace(plan_of(check_in_every_s=None), devices=())
NEVER_S = 10**6


def day(records: list[tuple[int, Any]], until_s: int = 5_400, step_s: int = 10) -> list[Any]:
    """The plan, ticks, and what comes in between them."""
    found: list[tuple[int, int, Any]] = [(second, 0, tick(second)) for second in range(0, until_s, step_s)]
    found += [(second, 1, record) for second, record in records]
    return [PLAN, *(record for *_, record in sorted(found, key=lambda entry: entry[:2]))]


def overdue(records: list[Any]) -> set[str]:
    engine = TelemetryEngine()
    effects = [effect for record in records for effect in engine.step(record)]
    found = [
        effect for effect in effects if isinstance(effect, RaiseAlert) and effect.kind == "overdue_visit"
    ]
    assert len({alert.id for alert in found}) == len(found)
    return {str(alert.why["how"]) for alert in found}


@given(
    comes=st.one_of(st.none(), st.integers(-900, 3_500)),
    stays_s=st.integers(60, 6_000),
    says_so=st.booleans(),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_late_and_overrun_are_told_exactly_when_they_are(
    comes: int | None, stays_s: int, says_so: bool, order: Any
) -> None:
    """She comes or not, stays, and leaves with or without a word; neighbours in the log may be swapped."""
    goes = NEVER_S if comes is None else comes + stays_s
    seen = [] if comes is None else [(s, fix(s, 10)) for s in range(comes, min(goes, 5_390), 30)]
    seen += [(s, fix(s, 2_000)) for s in range(goes + 30, 5_390, 30)]
    if says_so and goes < 5_390:
        seen.append((goes, event(reports.VisitEnded, goes)))
    expected = set()
    if comes is None or comes > GRACE_S:
        expected.add("not_arrived")
    # Without a word two fixes elsewhere after the planned end tell that she has gone.
    gone_s = goes if says_so else max(goes, END_S) + 70
    if gone_s >= END_S + GRACE_S:
        expected.add("past_end")
    assume(comes is None or abs(comes - GRACE_S) > 60)
    assume(abs(gone_s - END_S - GRACE_S) > 120)
    assume(not (says_so and comes is not None and goes < -60))
    found = overdue(day(seen))
    assert found == expected
    swapped = sorted(seen, key=lambda entry: entry[0])
    for index in range(0, len(swapped) - 1, 2):
        if order.random() < 0.3:
            (first, one), (second, other) = swapped[index : index + 2]
            swapped[index : index + 2] = [(first, other), (second, one)]
    assert overdue(day(swapped)) == found


@given(at_s=st.integers(-900, 3_600), north_m=st.integers(0, 5_000), accuracy_m=st.integers(3, 400))
def test_the_wrong_address_is_told_only_where_a_fix_is_clear(
    at_s: int, north_m: int, accuracy_m: int
) -> None:
    said = event(
        reports.Arrived,
        at_s,
        visit="vis_1",
        position=Position(HOME_LAT + north_m / METRES_PER_DEGREE, HOME_LON, float(accuracy_m)),
    )
    away_m = north_m - 150 - accuracy_m
    assume(abs(away_m - 100) > 5)
    engine = TelemetryEngine()
    effects = [effect for record in (PLAN, said) for effect in engine.step(record)]
    assert bool([e for e in effects if isinstance(e, RaiseAlert)]) == (away_m > 100)
    again = engine.step(said)
    assert not [e for e in again if isinstance(e, RaiseAlert | NoteAlert)]


# ------------------------------------------------------------------------------------------------ jumps


def sight(seconds: float, north_m: float, accuracy_m: float = 8.0) -> Sight:
    place = Position(HOME_LAT + north_m / METRES_PER_DEGREE, HOME_LON, accuracy_m)
    now_ms = at(seconds)
    return Sight(place, now_ms, now_ms, "nur_1", "org_1", "dev_1", "fix", None, now_ms)


walks = st.lists(
    st.tuples(st.integers(1, 120), st.integers(-60_000, 60_000), st.sampled_from([5.0, 50.0, 2_000.0])),
    min_size=1,
    max_size=20,
)


@given(walk=walks)
def test_no_fix_is_held_for_long_and_each_counts_at_most_once(walk: list[tuple[int, int, float]]) -> None:
    jump, before, second = None, None, 0
    believed: list[Sight] = []
    held = 0
    for after_s, north_m, accuracy_m in walk:
        second += after_s
        seen = sight(second, north_m, accuracy_m)
        jump, now = jumps.sift(jump, before, seen)
        held = 0 if now else held + 1
        assert held <= MOST_HELD
        believed += now
        before = seen
    assert [one.time_ms for one in believed] == sorted({one.time_ms for one in believed})


@given(steps=st.lists(st.tuples(st.integers(1, 60), st.floats(-1, 1)), min_size=2, max_size=30))
def test_who_travels_no_faster_than_a_car_is_always_believed(steps: list[tuple[int, float]]) -> None:
    jump, before, second, north_m = None, None, 0, 0.0
    for after_s, part in steps:
        second += after_s
        north_m += part * (FASTEST_MPS * after_s + FREE_M)
        seen = sight(second, north_m)
        jump, now = jumps.sift(jump, before, seen)
        assert now == (seen,)
        before = seen


# ------------------------------------------------------------------------------------------ times, phases


@given(told=st.integers(-(10**13), 10**13), received=st.integers(10**12, 2 * 10**12))
def test_a_time_is_never_after_its_receipt_and_doubted_when_it_cannot_be(told: int, received: int) -> None:
    occurred, doubts = plausible_ms(told, received)
    assert received - TOO_OLD_MS <= occurred <= received
    assert doubts == (() if received - TOO_OLD_MS <= told <= received + CLOCK_AHEAD_MS else ("time",))
    if not doubts:
        assert occurred == min(told, received)
    assert late(occurred, received) == (received - occurred > LATE_MS)


@given(now_s=st.integers(-20_000, 20_000), gap_s=st.integers(-3_000, 9_000), ended=st.booleans())
def test_there_is_one_phase_at_a_time_and_a_visit_comes_first(now_s: int, gap_s: int, ended: bool) -> None:
    first = PLAN.visits[0]
    second = replace(
        first, id="vis_2", starts_ms=first.ends_ms + gap_s * 1000, ends_ms=first.ends_ms + 10_000_000
    )
    plan = replace(PLAN, visits=tuple(sorted((first, second), key=lambda visit: visit.starts_ms)))
    over = {"vis_1"} if ended else set()
    now_ms = T0_MS + now_s * 1000
    coming = list(phases(plan, over, now_ms))
    phase = phase_at(coming, now_ms)
    on = [
        visit for visit in plan.visits if visit.id not in over and visit.starts_ms <= now_ms <= visit.ends_ms
    ]
    assert (phase is not None and phase.name == "visit") == bool(on)
    if phase is not None:
        assert phase.since_ms <= now_ms <= phase.until_ms
        assert phase.visit.id not in over
