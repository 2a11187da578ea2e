"""Alarms hold under repeats, other orders and restarts: none is lost, none is raised twice."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from devices import reports
from devices.identity import hash_pin
from devices.reports import AlarmBase, Position
from safety.domain.plan import NursePlan
from safety.rules import alarm
from safety.rules.alarm import AlarmState
from safety.rules.effects import AlarmRepeated, CancelAlert, Effect, NoteAlert, RaiseAlert, TellDevice
from safety.rules.times import LATE_MS
from tests.support.days import replace
from tests.support.records import PLAN, arrival, at

PINS = replace(PLAN, pin_hash=hash_pin("nur_1", "1234"), duress_pin_hash=hash_pin("nur_1", "9999"))
KINDS = (
    reports.PanicPressed,
    reports.DuressSignalled,
    reports.FallDetected,
    reports.NoMotionDetected,
    reports.TamperDetected,
)
plans = st.sampled_from([None, PLAN, PINS])
pins = st.sampled_from([None, "1234", "9999", "0"])
names = st.sampled_from(["a1", "a2", "a3", None])
moments = st.integers(-3_000_000, 3_000_000)
alarms = st.builds(
    lambda kind, told_s, **fields: kind(time_ms=at(told_s), **fields),
    st.sampled_from(KINDS),
    st.integers(-7_200, 7_200),
    alarm=names,
    seq=st.sampled_from([None, 1, 2]),
    silent=st.booleans(),
    position=st.sampled_from([None, Position(91.0, 200.0), Position(31.2, 121.4, 9_000.0)]),
    doubts=st.sampled_from([(), ("fix.lat",)]),
)
events = st.builds(
    lambda kind, told_s, pin, visit: kind(time_ms=at(told_s), pin=pin, visit=visit),
    st.sampled_from([reports.CheckedIn, reports.VisitStarted, reports.VisitEnded, reports.Arrived]),
    st.integers(0, 3_600),
    pins,
    st.sampled_from([None, "vis_1", "vis_2"]),
)
cancellations = st.builds(
    lambda told_s, named, pin: reports.AlarmCancelled(time_ms=at(told_s), alarm=named, pin=pin),
    st.integers(0, 3_600),
    names,
    pins,
)
logs = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["dev_1", "dev_2"]), alarms | events | cancellations),
    max_size=25,
)


def arrivals(log: list[tuple[int, str, Any]]) -> list[Any]:
    """Reports one after the other, each so many seconds after the one before."""
    now_s, found = 0, []
    for after_s, device, report in log:
        now_s += after_s
        found.append(arrival(report, now_s, device))
    return found


def run(plan: NursePlan | None, records: list[Any], state: AlarmState | None = None) -> list[list[Effect]]:
    state = state or AlarmState()
    return [alarm.step(state, record, plan) for record in records]


@given(log=logs, plan=plans)
def test_every_alarm_is_answered_at_once_and_once(log: list[Any], plan: NursePlan | None) -> None:
    """Raised, or known: whatever its time, its position and all that came before it."""
    raised: dict[str, RaiseAlert] = {}
    state = AlarmState()
    for record in arrivals(log):
        effects = alarm.step(state, record, plan)
        if isinstance(record.report, AlarmBase):
            (answer,) = [one for one in effects if isinstance(one, RaiseAlert | AlarmRepeated)]
            assert isinstance(answer, RaiseAlert) or answer.alert in raised
        for effect in effects:
            if isinstance(effect, RaiseAlert):
                # The same duress PIN said again is the same alert, and the store keeps the first.
                assert effect.id not in raised or effect.why.get("how") == "duress_pin"
                raised[effect.id] = effect
                assert effect.occurred_ms <= effect.received_ms
                assert effect.late == (effect.received_ms - effect.occurred_ms > LATE_MS)
                if effect.kind in ("panic", "duress") or effect.late:
                    assert effect.cancel_until_ms is None
            elif isinstance(effect, CancelAlert | NoteAlert):
                assert effect.alert in raised


@given(
    said_so=st.lists(
        st.tuples(st.integers(1, 40), st.sampled_from([*KINDS, reports.AlarmCancelled]), pins),
        max_size=12,
    ),
    plan=plans,
    data=st.data(),
)
def test_repeats_raise_and_cancel_nothing_new(said_so: list[Any], plan: NursePlan | None, data: Any) -> None:
    """Any message may be delivered again, also long after: a cancellation does not reach what came since."""
    straight, now_s = [], 0
    for number, (after_s, kind, pin) in enumerate(said_so):
        now_s += after_s
        report = (
            reports.AlarmCancelled(time_ms=at(now_s), seq=number, pin=pin)
            if kind is reports.AlarmCancelled
            else kind(time_ms=at(now_s), seq=number)
        )
        straight.append(arrival(report, now_s))
    repeated = []
    for index, record in enumerate(straight):
        again = data.draw(st.lists(st.sampled_from(straight[: index + 1]), max_size=2))
        repeated += [record, *(replace(one, received_ms=record.received_ms) for one in again)]
    assert said(run(plan, repeated)) == said(run(plan, straight))


def said(effects: list[list[Effect]]) -> set[str]:
    """The ids of what the store keeps; storing one again changes nothing."""
    kept = (RaiseAlert, CancelAlert)
    return {effect.id for step in effects for effect in step if isinstance(effect, kept)}


@given(log=logs, plan=plans, cuts=st.sets(st.integers(0, 25)))
def test_restarts_change_nothing(log: list[Any], plan: NursePlan | None, cuts: set[int]) -> None:
    straight, restarted = AlarmState(), AlarmState()
    for index, record in enumerate(arrivals(log)):
        if index in cuts:
            restarted = msgspec.msgpack.decode(msgspec.msgpack.encode(restarted), type=AlarmState)
        assert alarm.step(restarted, record, plan) == alarm.step(straight, record, plan)


@st.composite
def stories(draw: st.DrawFn) -> list[Any]:
    """Alarms, each with an id of its own, and cancellations that name them, all within a quarter minute."""
    found: list[Any] = []
    for number in range(draw(st.integers(1, 6))):
        kind, device = draw(st.sampled_from(KINDS)), draw(st.sampled_from(["dev_1", "dev_2"]))
        when = draw(st.integers(0, 9))
        found.append((device, kind(time_ms=at(when), alarm=f"a{number}", seq=number)))
        if draw(st.booleans()):
            pin = draw(st.sampled_from([None, "1234"]))
            found.append((device, reports.AlarmCancelled(time_ms=at(when), alarm=f"a{number}", pin=pin)))
    return found


@given(story=stories(), data=st.data())
def test_the_order_of_arrival_changes_nothing(story: list[Any], data: st.DataObject) -> None:
    """Also a cancellation that overtakes its alarm."""
    shuffled = data.draw(st.permutations(story))
    one, other = (
        [arrival(report, index, device) for index, (device, report) in enumerate(told)]
        for told in (story, shuffled)
    )
    assert outcome(run(PINS, one)) == outcome(run(PINS, other))


def outcome(effects: list[list[Effect]]) -> tuple[set[str], set[str]]:
    """Which alerts are raised, and which of them are taken back."""
    every = [effect for step in effects for effect in step]
    raised = {effect.id for effect in every if isinstance(effect, RaiseAlert)}
    return raised, {effect.alert for effect in every if isinstance(effect, CancelAlert)}


@given(
    kind=st.sampled_from(KINDS[2:]),
    after_s=st.integers(0, 29),
    how=st.sampled_from([reports.AlarmCancelled, reports.CheckedIn, reports.VisitEnded]),
)
def test_a_duress_pin_in_the_window_is_duress_and_looks_like_success(
    kind: type[Any], after_s: int, how: type[Any]
) -> None:
    state = AlarmState()
    alarm.step(state, arrival(kind(time_ms=at(0), alarm="f1"), 0), PINS)
    named = {"alarm": "f1"} if how is reports.AlarmCancelled else {}
    effects = alarm.step(state, arrival(how(time_ms=at(after_s), pin="9999", **named), after_s), PINS)
    (duress,) = [effect for effect in effects if isinstance(effect, RaiseAlert)]
    assert (duress.kind, duress.severity, duress.silent) == ("duress", "critical", True)
    assert not [effect for effect in effects if isinstance(effect, CancelAlert)]
    closed = [effect.kind for effect in effects if isinstance(effect, TellDevice)]
    assert closed == (["alarm_closed"] if named else [])
    again = alarm.step(state, arrival(reports.AlarmCancelled(time_ms=at(29), alarm="f1"), 29), PINS)
    assert bool([e for e in again if isinstance(e, CancelAlert)]) != bool(named), "taken back under threat"
