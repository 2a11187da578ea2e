"""Health is told once per episode: gauges waver, clocks drift, reports come twice and in another order."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from safety.domain.limits import Limits
from safety.domain.plan import DevicePlan
from safety.engine import TelemetryEngine
from safety.rules import battery, skew
from safety.rules.device import DeviceState
from safety.rules.effects import RaiseAlert
from tests.support.days import plan_of, replace, status
from tests.support.records import at, fix, tick

LIMITS = Limits()
PLAN = replace(
    plan_of(check_in_every_s=None, ends_ms=at(20_000)), devices=(DevicePlan(id="dev_1", kind="phone"),)
)

charges = st.lists(st.tuples(st.integers(1, 600), st.integers(0, 100)), min_size=1, max_size=30)


def taken_in(told: list[tuple[int, float]]) -> DeviceState:
    """A device whose charge was told so, as (second, percent)."""
    state = DeviceState()
    for second, pct in told:
        battery.take_in(state, pct, at(second), at(second))
    return state


def timed(steps: list[tuple[int, int]]) -> list[tuple[int, float]]:
    second, found = 0, []
    for after_s, pct in steps:
        second += after_s
        found.append((second, float(pct)))
    return found


@given(steps=charges, data=st.data())
def test_a_charge_said_again_or_late_changes_nothing(steps: list[tuple[int, int]], data: Any) -> None:
    told = timed(steps)
    repeated = []
    for index, one in enumerate(told):
        repeated += [one, *data.draw(st.lists(st.sampled_from(told[: index + 1]), max_size=2))]
    assert msgspec.to_builtins(taken_in(repeated)) == msgspec.to_builtins(taken_in(told))


@given(start=st.integers(0, 99), rises=st.lists(st.integers(1, 20), min_size=1, max_size=10))
def test_nothing_is_low_while_it_is_charged(start: int, rises: list[int]) -> None:
    pct, told = float(start), [(0, float(start))]
    for number, rise in enumerate(rises, 1):
        pct = min(100.0, pct + rise)
        told.append((60 * number, pct))
    assert not battery.is_low(taken_in(told).battery, LIMITS)


@given(
    from_pct=st.integers(30, 100),
    pct_per_hour=st.integers(20, 200),
    every_s=st.sampled_from([30, 60, 300]),
)
def test_the_time_to_empty_is_that_of_a_steady_fall(from_pct: int, pct_per_hour: int, every_s: int) -> None:
    per_s = pct_per_hour / 3600
    told = [(second, from_pct - per_s * second) for second in range(0, 3_000, every_s)]
    told = [(second, pct) for second, pct in told if pct > 0]
    known = taken_in(told).battery
    assert known is not None
    left_s = battery.empty_in_s(known)
    if left_s is not None:
        assert abs(left_s - known.pct / per_s) <= 1


@given(noise=st.lists(st.sampled_from([-0.9, -0.4, 0.0, 0.4, 0.9]), min_size=20, max_size=60))
@settings(max_examples=30, deadline=None)
def test_a_gauge_that_wavers_around_the_limit_is_told_once(noise: list[float]) -> None:
    records: list[Any] = [PLAN]
    for index, wavers in enumerate(noise):
        second = 60 * index
        records += [tick(second), status(second, battery_pct=max(1.0, 16.0 - index / 10 + wavers))]
    kinds = [alert.kind for alert in alerts(records) if alert.kind == "battery_low"]
    assert kinds in ([], ["battery_low"])
    assert kinds or min(16.0 - i / 10 + w for i, w in enumerate(noise)) > LIMITS.battery_low_pct


@given(off_s=st.integers(-7_200, 7_200), jitter=st.lists(st.integers(0, 12), min_size=12, max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_clock_is_wrong_only_when_it_is_steadily_so(off_s: int, jitter: list[int]) -> None:
    records: list[Any] = [PLAN]
    for index, late_s in enumerate(jitter):
        records.append(status(60 * index + late_s, told_s=60 * index + off_s, battery_pct=None))
    faults = [alert.why["how"] for alert in alerts(records) if alert.kind == "device_fault"]
    if abs(off_s) > LIMITS.clock_skew_s + 12:
        assert faults == ["clock_ahead" if off_s > 0 else "clock_behind"]
    elif abs(off_s) <= LIMITS.clock_skew_s - 12:
        assert faults == []


@given(kept=st.lists(st.integers(10, 600), min_size=5, max_size=40))
@settings(max_examples=60, deadline=None)
def test_what_waited_on_a_device_accuses_no_clock(kept: list[int]) -> None:
    """A phone without a network sends its fixes at once when it is back: they are of every age."""
    state, told_s = DeviceState(), 0
    for after_s in kept:
        told_s += max(31, after_s)
    sent_s, behind_s = told_s + 60, 0
    for after_s in kept:
        behind_s += max(31, after_s)
        skew.take_in(state, fix(behind_s, 0, received_s=sent_s), LIMITS)
        assert state.skew is None or not skew.is_off(state.skew, LIMITS)


def alerts(records: list[Any]) -> list[RaiseAlert]:
    engine = TelemetryEngine()
    return [effect for record in records for effect in engine.step(record) if isinstance(effect, RaiseAlert)]
