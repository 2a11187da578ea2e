"""Whole days of a nurse at random: timers are never late; restarts, batches and repeats change nothing."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices import reports
from devices.identity import hash_pin
from ingest.lanes import TELEMETRY
from ingest.records import Tick, encode
from safety.domain.plan import DevicePlan, NursePlan
from safety.engine import TelemetryEngine, engine_for, run
from safety.rules import nurse
from safety.rules.effects import Effect, NoteAlert, RaiseAlert
from tests.support.days import replace, status
from tests.support.records import PLAN, VISIT, arrival, at, event, fix, position, tick

LIMITS: dict[str, float | str | None] = {
    "arrival_grace_s": 120.0,
    "overrun_grace_s": 120.0,
    "check_in_every_s": 300.0,
    "duty_lead_s": 200.0,
    "phone_silent_s": 90.0,
    "phone_silent_on_duty_s": 60.0,
    "recorder_silent_s": 200.0,
    "gps_lost_s": 120.0,
    "clock_skew_for_s": 60.0,
    "phone_firmware_min": "2.4",
}
FIRST = replace(VISIT, ends_ms=at(1_000), check_in_every_s=None)
SECOND = replace(FIRST, id="vis_2", lat=VISIT.lat + 0.01, starts_ms=at(1_100), ends_ms=at(1_900), risk="high")
DAY = NursePlan(
    nurse="nur_1",
    org="org_1",
    visits=(FIRST, SECOND),
    devices=(DevicePlan(id="dev_1", kind="phone"), DevicePlan(id="dev_2", kind="recorder")),
    pin_hash=hash_pin("nur_1", "1234"),
    limits=LIMITS,
)
PLANS = [
    DAY,
    replace(DAY, visits=(FIRST,)),
    replace(DAY, visits=(replace(FIRST, ends_ms=at(1_500)), SECOND), devices=DAY.devices[:1]),
    replace(PLAN, limits={}),
]

seconds = st.integers(-400, 2_300)
devices = st.sampled_from(["dev_1", "dev_2"])


def _charge(second: int, device: str, pct: float, accuracy_m: float, behind_s: int) -> Any:
    seen = position(10, accuracy_m)
    report = reports.Fix(time_ms=at(second - behind_s), position=seen, battery_pct=pct)
    return arrival(report, second, device)


def _say(kind: type[Any], second: int, fields: dict[str, Any]) -> Any:
    return event(kind, second, **fields)


happenings = st.one_of(
    st.builds(
        fix, seconds, st.sampled_from([0, 100, 400, 1_110, 5_000]), accuracy_m=st.sampled_from([8, 900])
    ),
    st.builds(_charge, seconds, devices, st.integers(5, 60), st.just(8.0), st.sampled_from([0, 0, 400])),
    st.builds(
        _say,
        st.sampled_from(
            [reports.CheckedIn, reports.VisitStarted, reports.VisitEnded, reports.Arrived, reports.Left]
        ),
        seconds,
        st.sampled_from(
            [
                {},
                {},
                {"visit": "vis_1"},
                {"visit": "vis_2"},
                {"visit": "vis_x"},
                {"pin": "9"},
                {"pin": "1234"},
            ]
        ),
    ),
    st.builds(
        lambda second, device, online, version: status(
            second, device, online=online, firmware=version, battery_pct=None
        ),
        seconds,
        devices,
        st.booleans(),
        st.sampled_from([None, "2.3", "2.4"]),
    ),
    st.builds(lambda second: event(reports.CheckedIn, second, extend_s=200.0), seconds),
)
replans = st.tuples(seconds, st.sampled_from(PLANS))
silences = st.lists(st.tuples(seconds, st.integers(20, 300)), max_size=2)


@st.composite
def days(draw: st.DrawFn) -> list[Any]:
    """A day: plans, what happens, and ticks every ten seconds, but for when the service was away."""
    away = draw(silences)
    timed: list[tuple[int, int, Any]] = [
        (second, 1, plan) for second, plan in draw(st.lists(replans, max_size=3))
    ]
    timed += [(_second(one), 2, one) for one in draw(st.lists(happenings, max_size=40))]
    timed += [
        (second, 0, tick(second))
        for second in range(-410, 2_310, 10)
        if not any(start < second < start + length for start, length in away)
    ]
    return [DAY, *(record for *_, record in sorted(timed, key=lambda entry: entry[:2]))]


def _second(record: Any) -> int:
    return int((record.received_ms - at(0)) // 1000)


@settings(max_examples=60, deadline=None)
@given(day=days())
def test_a_look_at_every_tick_sees_no_more_than_the_timers_do(day: list[Any]) -> None:
    timed, watched = TelemetryEngine(), TelemetryEngine()
    for record in day:
        expected = watched.step(record)
        if isinstance(record, Tick):
            expected += _look_everywhere(watched)
        assert timed.step(record) == expected, record


def _look_everywhere(engine: TelemetryEngine) -> list[Effect]:
    """Let time pass for every nurse, whether or not her timer is due."""
    now_ms, resumed_ms = engine._now_ms, engine._resumed_ms
    effects: list[Effect] = []
    for state in engine._nurses.values():
        effects += nurse.on_tick(state, now_ms, resumed_ms)
    for key in engine._nurses:
        engine._arm(key)
    return effects


@settings(max_examples=40, deadline=None)
@given(day=days(), cuts=st.sets(st.integers(0, 300), max_size=6), size=st.integers(1, 40))
def test_restarts_and_batches_change_nothing(day: list[Any], cuts: set[int], size: int) -> None:
    straight, restarted, batched = TelemetryEngine(), TelemetryEngine(), TelemetryEngine()
    expected: list[Effect] = []
    for index, record in enumerate(day):
        if index in cuts:
            snapshot, restarted = restarted.snapshot(), TelemetryEngine()
            restarted.restore(snapshot)
        effects = straight.step(record)
        assert restarted.step(record) == effects
        expected += effects
    values = [encode(record) for record in day]
    batches = [values[start : start + size] for start in range(0, len(values), size)]
    assert [effect for batch in batches for effect in run(batched, batch)] == expected


@settings(max_examples=40, deadline=None)
@given(day=days(), data=st.data())
def test_repeats_raise_nothing_new(day: list[Any], data: st.DataObject) -> None:
    twice = data.draw(st.sets(st.integers(0, len(day) - 1), max_size=30))
    repeated = [
        record for index, one in enumerate(day) for record in ([one, one] if index in twice else [one])
    ]
    assert _raised(repeated) == _raised(day)


@settings(max_examples=40, deadline=None)
@given(day=days())
def test_every_alert_says_why_and_every_note_has_its_alert(day: list[Any]) -> None:
    engine = engine_for(TELEMETRY)
    known: set[str] = set()
    for record in day:
        for effect in engine.step(record):
            if isinstance(effect, RaiseAlert):
                assert effect.why["rule"] == effect.kind
                assert effect.occurred_ms <= effect.received_ms
                known.add(effect.id)
            elif isinstance(effect, NoteAlert):
                assert effect.alert in known


def _raised(day: list[Any]) -> list[str]:
    engine = TelemetryEngine()
    return [effect.id for record in day for effect in engine.step(record) if isinstance(effect, RaiseAlert)]
