"""A day whose reports overtake each other by up to twenty seconds raises the alerts of the same day in order.

She stays wherever she is for two minutes at least: what happens within the delay itself may come to another
answer, as nobody can know yet what is still on its way.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices import reports
from ingest.lanes import ALARMS, TELEMETRY
from safety.domain.plan import DevicePlan, NursePlan
from safety.engine import engine_for
from safety.rules.effects import CancelAlert, RaiseAlert
from tests.support.days import replace, status
from tests.support.fences import of_org, square
from tests.support.records import VISIT, arrival, at, event, position, tick

BOUND_S, END_S = 20, 2_400
PLACES_M = (10, 400, 700)  # home; outside of it; in the forbidden area, beyond the organisation's own
FENCES = of_org(square("in", "stay_in", 0, 550), square("out", "keep_out", 700, 100))
DAY = NursePlan(
    nurse="nur_1",
    org="org_1",
    visits=(replace(VISIT, ends_ms=at(2_000), check_in_every_s=400.0),),
    devices=(DevicePlan(id="dev_1", kind="phone"), DevicePlan(id="dev_2", kind="button")),
    limits={
        "arrival_grace_s": 14_400.0,
        "overrun_grace_s": 120.0,
        "phone_silent_s": 95.0,
        "clock_skew_for_s": 60.0,
    },
)


def says(kind: type[Any], second: int) -> Any:
    """An event of the button, so that the phone's silence stays as long as it is drawn."""
    return arrival(kind(time_ms=at(second)), second, "dev_2")


@st.composite
def days(draw: st.DrawFn) -> list[tuple[int, Any]]:
    """What is reported on a day, as (second, report), in order."""
    found: list[tuple[int, Any]] = []
    second, number = 0, 0
    pct = float(draw(st.sampled_from([18, 60])))
    while second < END_S:
        north_m = draw(st.sampled_from(PLACES_M))
        speaks = draw(st.integers(0, 5)) > 0
        # From before the planned end on she stays where she is.
        for _ in range(200 if second > 1_400 else draw(st.integers(12, 40))):
            second, number, pct = second + 10, number + 1, max(1.0, pct - 0.1)
            if speaks:
                told = reports.Fix(
                    seq=number, time_ms=at(second), position=position(north_m), battery_pct=round(pct)
                )
                found.append((second, arrival(told, second)))
    # Clear of the deadlines by more than the delay.
    spoken = range(draw(st.sampled_from([200, 350])), END_S, 400)
    found += [(second, says(reports.CheckedIn, second)) for second in spoken if draw(st.booleans())]
    found += [(second, status(second, "dev_2", battery_pct=80)) for second in range(5, END_S, 60)]
    if draw(st.booleans()):
        found.append((1_900, says(reports.VisitEnded, 1_900)))
    return sorted(found, key=lambda entry: entry[0])


def log(day: list[tuple[int, Any]], delays: list[int]) -> list[Any]:
    """The plans, a tick each five seconds, and the reports, each so many seconds later than it was made."""
    timed: list[tuple[int, int, Any]] = [(second, 0, tick(second)) for second in range(0, END_S + 60, 5)]
    timed += [
        (second + delays[index % len(delays)], index + 1, record)
        for index, (second, record) in enumerate(day)
    ]
    return [DAY, FENCES, *(record for *_, record in sorted(timed, key=lambda entry: entry[:2]))]


def raised(records: list[Any], lane: str = TELEMETRY) -> list[tuple[str, str]]:
    """The alerts as (kind, id)."""
    engine = engine_for(lane)
    effects = [effect for record in records for effect in engine.step(record)]
    found = [effect for effect in effects if isinstance(effect, RaiseAlert)]
    assert len({alert.id for alert in found}) == len(found)
    return sorted((alert.kind, alert.id) for alert in found)


@settings(max_examples=25, deadline=None)
@given(day=days(), delays=st.lists(st.integers(0, BOUND_S), min_size=7, max_size=23))
def test_reports_that_overtake_each_other_raise_the_same_alerts(
    day: list[tuple[int, Any]], delays: list[int]
) -> None:
    assert raised(log(day, delays)) == raised(log(day, [0]))


@settings(max_examples=25, deadline=None)
@given(
    kinds=st.lists(
        st.sampled_from([reports.PanicPressed, reports.FallDetected, reports.TamperDetected]), max_size=6
    ),
    delays=st.lists(st.integers(0, BOUND_S), min_size=1, max_size=7),
)
def test_alarms_that_overtake_each_other_are_the_same_alerts(kinds: list[Any], delays: list[int]) -> None:
    day: list[tuple[int, Any]] = []
    for number, kind in enumerate(kinds):
        day.append((7 * number, arrival(kind(time_ms=at(7 * number), alarm=f"a{number}"), 7 * number)))
        if number % 2:
            cancelled = event(reports.AlarmCancelled, 7 * number + 5, alarm=f"a{number}")
            day.append((7 * number + 5, cancelled))
    straight, shuffled = log(sorted(day, key=lambda e: e[0]), [0]), log(day, delays)
    assert raised(shuffled, ALARMS) == raised(straight, ALARMS)
    assert _cancelled(shuffled) == _cancelled(straight)


def _cancelled(records: list[Any]) -> set[str]:
    engine = engine_for(ALARMS)
    effects = [effect for record in records for effect in engine.step(record)]
    return {effect.alert for effect in effects if isinstance(effect, CancelAlert)}


def test_such_days_raise_something() -> None:
    """The property is not vacuous."""
    day = [
        (second, arrival(reports.Fix(time_ms=at(second), position=position(10)), second))
        for second in (10, 20)
    ]
    day += [
        (second, arrival(reports.Fix(time_ms=at(second), position=position(700)), second))
        for second in range(30, 400, 10)
    ]
    kinds = {kind for kind, _ in raised(log(day, [0]))}
    assert kinds == {*("fence_exit", "fence_enter", "device_silent", "missed_check_in", "overdue_visit")}
