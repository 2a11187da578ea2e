"""Planned tests: one alarm of the device in the planned time is a test, and whatever is doubtful is real."""

from typing import Any

import msgspec
import pytest

from devices import reports
from safety.domain.plan import DevicePlan, NursePlan
from safety.engine import AlarmEngine
from safety.rules.effects import RaiseAlert
from tests.support.records import PLAN, arrival, at, fall, panic


def planned(from_s: float = 0, until_s: float = 600) -> NursePlan:
    button = DevicePlan(id="dev_1", kind="button", test_from_ms=at(from_s), test_until_ms=at(until_s))
    return msgspec.structs.replace(PLAN, devices=(button, DevicePlan(id="dev_2", kind="phone")))


def raised(*records: Any) -> list[RaiseAlert]:
    engine = AlarmEngine()
    effects = [effect for record in records for effect in engine.step(record)]
    return [effect for effect in effects if isinstance(effect, RaiseAlert)]


def are_tests(*records: Any) -> list[bool]:
    return [alert.test for alert in raised(*records)]


def test_the_next_alarm_is_a_test_and_the_one_after_it_is_real() -> None:
    first, second = raised(planned(), panic(60, seq=1), panic(90, seq=2))
    assert first.test
    assert first.why["how"] == "planned_test"
    assert not second.test
    assert "how" not in second.why


def test_a_repeat_of_the_test_is_the_same_alarm() -> None:
    assert are_tests(planned(), panic(60, seq=1), panic(60, seq=1, received_s=63)) == [True]


@pytest.mark.parametrize("seconds", [-1, 601])
def test_outside_the_planned_time_it_is_real(seconds: float) -> None:
    assert are_tests(planned(), panic(seconds)) == [False]


def test_what_was_pressed_before_and_came_in_now_is_real_and_ends_the_test() -> None:
    assert are_tests(planned(100), panic(99, seq=1, received_s=101), panic(110, seq=2)) == [False, False]


def test_another_device_of_hers_is_not_meant() -> None:
    assert are_tests(planned(), panic(60, device="dev_2"), panic(70)) == [False, True]


@pytest.mark.parametrize(
    "doubtful",
    [
        panic(60, silent=True),
        panic(60, doubts=("fix",)),
        arrival(reports.DuressSignalled(time_ms=at(60)), 60),
        arrival(reports.PanicPressed(time_ms=0), 60),
    ],
)
def test_what_speaks_against_a_test_is_real_and_ends_it(doubtful: Any) -> None:
    assert are_tests(planned(), doubtful, panic(90, seq=9)) == [False, False]


def test_a_fall_may_be_the_planned_test_and_can_still_be_taken_back() -> None:
    (alert,) = raised(planned(), fall(60))
    assert alert.test
    assert alert.cancel_until_ms is not None


def test_the_same_plan_told_again_is_no_second_test_and_a_new_one_is() -> None:
    again = planned(200, 900)
    assert are_tests(planned(), panic(60, seq=1), planned(), panic(90, seq=2), again, panic(210, seq=3)) == [
        True,
        False,
        True,
    ]


def test_a_restart_does_not_forget_that_it_was_made() -> None:
    engine = AlarmEngine()
    engine.step(planned())
    engine.step(panic(60, seq=1))
    other = AlarmEngine()
    other.restore(engine.snapshot())
    (effect,) = other.step(panic(90, seq=2))
    assert isinstance(effect, RaiseAlert)
    assert not effect.test


def test_a_plan_of_an_older_version_plans_no_test() -> None:
    old = msgspec.msgpack.encode({"id": "dev_1", "kind": "button"})
    assert msgspec.msgpack.decode(old, type=DevicePlan).test_until_ms is None
