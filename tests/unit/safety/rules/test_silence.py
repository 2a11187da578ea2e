"""Silence: by kind of device and by what she is about, by missing reports and by last wills that flap."""

from typing import Any

from devices import reports
from tests.support.days import noted, plan_of, raised, replace, status
from tests.support.records import VISIT, arrival, at, fix, position, tick, ticks

KIND = "device_silent"
QUIET = plan_of(check_in_every_s=None)


def drop(seconds: float, device: str = "dev_1") -> Any:
    return status(seconds, device, online=False)


def test_a_phone_that_was_never_heard_is_silent() -> None:
    (alert,) = raised(KIND, QUIET, *ticks(0, 180))
    assert (alert.device, alert.why["how"], alert.why["last_heard_ms"]) == ("dev_1", "never_heard", None)
    assert not raised(KIND, QUIET, *ticks(0, 175))


def test_it_says_what_was_last_known_and_how_old_it_is() -> None:
    heard = arrival(reports.Fix(time_ms=at(60), position=position(10), battery_pct=42.0), 65)
    (alert,) = raised(KIND, QUIET, *ticks(0, 65), heard, *ticks(70, 300))
    assert alert.why["how"] == "no_reports"
    assert (alert.why["last_heard_ms"], alert.why["after_s"], alert.why["allowed_s"]) == (
        at(65),
        180.0,
        180.0,
    )
    assert (alert.why["battery_pct"], alert.why["position_age_s"]) == (42.0, 185.0)


def test_each_kind_of_device_has_its_own_patience() -> None:
    recorder = replace(QUIET, devices=(replace(QUIET.devices[0], kind="recorder"),))
    assert not raised(KIND, recorder, *ticks(0, 595))
    assert raised(KIND, recorder, *ticks(0, 600))
    button = replace(QUIET, devices=(replace(QUIET.devices[0], kind="button"),))
    assert not raised(KIND, button, *ticks(0, 3_600))
    wanted = replace(button, limits={"button_silent_s": 60.0})
    assert raised(KIND, wanted, *ticks(0, 60))


def test_on_duty_only_what_was_heard_can_fall_silent() -> None:
    before = (QUIET, *ticks(-1_800, -1_500))
    assert not raised(KIND, *before, *ticks(-1_495, -5))
    (alert,) = raised(KIND, *before, fix(-1_490, 9_000), *ticks(-1_485, -5))
    assert (alert.severity, alert.visit, alert.why["during"]) == ("info", None, "duty")


def test_off_duty_nothing_is_silent() -> None:
    assert not raised(KIND, QUIET, tick(-9_000), fix(-8_990, 10), drop(-8_980), *ticks(-8_975, -2_000))


def test_a_silence_that_lasts_into_the_visit_is_told_again_and_louder() -> None:
    alerts = raised(KIND, QUIET, *ticks(-1_500, -1_490), fix(-1_490, 9_000), *ticks(-1_485, 300))
    assert [(alert.severity, alert.visit) for alert in alerts] == [("info", None), ("warning", "vis_1")]


def test_a_connection_that_flaps_is_given_more_time() -> None:
    records: list[Any] = [QUIET, *ticks(0, 10), fix(10, 10)]
    for start_s in (20, 60, 100):
        records += [drop(start_s), *ticks(start_s, start_s + 20), status(start_s + 20, online=True)]
    again = [*records, *ticks(125, 140), drop(140)]
    assert not raised(KIND, *again, *ticks(145, 315)), "the fourth drop waits: 30 s, doubled three times"
    (alert,) = raised(KIND, *again, *ticks(145, 320))
    assert (alert.why["how"], alert.why["drops"], alert.why["allowed_s"]) == ("last_will", 4, 180.0)
    steady = [QUIET, *ticks(0, 10), fix(10, 10), *ticks(15, 140), drop(140)]
    assert raised(KIND, *steady, *ticks(145, 170))


def test_drops_that_are_far_apart_are_not_flapping() -> None:
    day = plan_of(check_in_every_s=None, limits={"flap_window_s": 100.0})
    records: list[Any] = [day, *ticks(0, 10), fix(10, 10), drop(20), *ticks(20, 30), status(30, online=True)]
    assert raised(KIND, *records, *ticks(35, 200), drop(200), *ticks(205, 230))[0].why["drops"] == 1


def test_a_last_will_twice_is_one_drop() -> None:
    (alert,) = raised(KIND, QUIET, *ticks(0, 10), fix(10, 10), drop(20), drop(20), drop(21), *ticks(25, 60))
    assert alert.why["drops"] == 1


def test_hearing_it_by_a_fix_starts_the_watch_again() -> None:
    """A fix may make the next look at the clock due earlier than the one that is set."""
    quiet = plan_of(check_in_every_s=3_000.0)
    twice = (quiet, *ticks(0, 60), fix(60, 10), *ticks(65, 250), fix(250, 10), *ticks(255, 435))
    alerts = raised(KIND, *twice)
    assert [alert.received_ms for alert in alerts] == [at(240), at(430)]
    assert noted(KIND, *twice) == ["heard_again"]


def test_high_risk_halves_the_patience() -> None:
    risky = plan_of(check_in_every_s=None, risk="high")
    assert raised(KIND, risky, *ticks(0, 90))[0].why["allowed_s"] == 90.0


def test_the_next_visit_hears_of_a_device_that_is_silent_still() -> None:
    later = replace(VISIT, id="vis_2", starts_ms=at(7_200), ends_ms=at(9_000), check_in_every_s=None)
    two = replace(QUIET, visits=(*QUIET.visits, later))
    alerts = raised(KIND, two, *ticks(0, 7_500))
    assert [alert.visit for alert in alerts] == ["vis_1", "vis_2"]
