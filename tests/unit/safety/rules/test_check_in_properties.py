"""Check-ins hold under every rhythm: missed when nobody spoke in time, never when she did, once each time."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices import reports
from safety.engine import TelemetryEngine
from safety.rules.effects import RaiseAlert, TellDevice
from tests.support.days import plan_of, replace
from tests.support.records import arrival, at, tick

EVERY_S, GRACE_S, REMIND_S, END_S = 300, 30, 30, 3_600
PLAN = replace(
    plan_of(
        check_in_every_s=float(EVERY_S), limits={"overrun_grace_s": 14_400.0, "arrival_grace_s": 14_400.0}
    ),
    devices=(),
)
REMINDED = replace(PLAN, devices=plan_of().devices)

moments = st.sets(st.integers(1, END_S), max_size=24).map(sorted)


def said(seconds: float, told_s: float | None = None) -> Any:
    report = reports.CheckedIn(time_ms=at(seconds if told_s is None else told_s))
    return arrival(report, seconds)


def day(check_ins: list[Any], until_s: int = 4_200) -> list[Any]:
    """The plan, a tick each second, and the check-ins where they came in, after the tick of that second."""
    by_second: dict[int, list[Any]] = {}
    for record in check_ins:
        by_second.setdefault((record.received_ms - at(0)) // 1000, []).append(record)
    found: list[Any] = [PLAN]
    for second in range(until_s):
        found += [tick(second), *by_second.get(second, ())]
    return found


def missed(records: list[Any]) -> list[tuple[str, int]]:
    engine = TelemetryEngine()
    effects = [effect for record in records for effect in engine.step(record)]
    return [
        (effect.id, (effect.occurred_ms - at(0)) // 1000)
        for effect in effects
        if isinstance(effect, RaiseAlert) and effect.kind == "missed_check_in"
    ]


def due_without_a_word(check_ins: list[int]) -> list[int]:
    """When a check-in was due and none came within the grace, by the definition."""
    due, since = [], 0
    for said_s in [*check_ins, 10**9]:
        deadline = since + EVERY_S
        if deadline <= END_S and said_s >= deadline + GRACE_S:
            due.append(deadline)
        since = said_s
    return due


@settings(max_examples=30, deadline=None)
@given(times=moments)
def test_a_check_in_is_missed_exactly_where_none_came(times: list[int]) -> None:
    assert [due for _, due in missed(day([said(second) for second in times]))] == due_without_a_word(times)


@settings(max_examples=30, deadline=None)
@given(times=moments, data=st.data())
def test_repeats_and_other_orders_change_nothing(times: list[int], data: st.DataObject) -> None:
    """Of the check-ins that come in within a second, in any order, each once or twice."""
    straight = [said(second) for second in times]
    again = [record for record in straight for _ in range(data.draw(st.integers(1, 2)))]
    backwards = again[::-1]
    assert missed(day(again)) == missed(day(backwards)) == missed(day(straight))


@settings(max_examples=30, deadline=None)
@given(times=moments, cuts=st.sets(st.integers(0, 4_199), max_size=4))
def test_it_survives_restarts(times: list[int], cuts: set[int]) -> None:
    straight, restarted = TelemetryEngine(), TelemetryEngine()
    for index, record in enumerate(day([said(second) for second in times])):
        if index in cuts:
            snapshot, restarted = restarted.snapshot(), TelemetryEngine()
            restarted.restore(snapshot)
        assert restarted.step(record) == straight.step(record)


@settings(max_examples=30, deadline=None)
@given(kept=st.integers(400, 3_500), for_s=st.integers(301, 3_000))
def test_what_a_phone_kept_never_hides_that_nobody_spoke_since(kept: int, for_s: int) -> None:
    """It was said before the deadline passed, and comes in long after: by then the next one is missed."""
    straight = missed(day([]))
    late = missed(day([said(kept, max(1, kept - for_s))]))
    assert straight[0] in late


@settings(max_examples=30, deadline=None)
@given(times=moments)
def test_she_is_reminded_once_before_each_deadline(times: list[int]) -> None:
    engine = TelemetryEngine()
    reminders: list[int] = []
    for record in [REMINDED, *day([said(second) for second in times])[1:]]:
        for effect in engine.step(record):
            if isinstance(effect, TellDevice):
                assert effect.kind == "message"
                reminders.append((effect.at_ms - at(0)) // 1000)
    # The plan's phone; its button cannot say anything.
    assert len(reminders) == len(set(reminders))
    since = [0, *times]
    deadlines = [
        one + EVERY_S
        for one, after in zip(since, [*times, 10**9], strict=True)
        if one + EVERY_S <= END_S and after >= one + EVERY_S - REMIND_S
    ]
    assert reminders == [deadline - REMIND_S for deadline in deadlines]
