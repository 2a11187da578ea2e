"""Health: batteries, GPS, clocks and firmware, once per episode and never louder than a warning."""

from typing import Any

import pytest

from devices import reports
from safety.rules.effects import DeviceHealth, RaiseAlert
from tests.support.days import noted, plan_of, raised, replace, run, status
from tests.support.records import arrival, at, fix, position, tick, ticks

QUIET = plan_of(check_in_every_s=None)
ON = (QUIET, *ticks(0, 5), fix(5, 10))


def charge(seconds: float, pct: float, told_s: float | None = None) -> Any:
    """A fix with a charge, told at `told_s` and received at `seconds`."""
    time_ms = at(seconds if told_s is None else told_s)
    return arrival(reports.Fix(time_ms=time_ms, position=position(10), battery_pct=pct), seconds)


def faults(how: str, *records: Any) -> list[RaiseAlert]:
    return [alert for alert in raised("device_fault", *records) if alert.why["how"] == how]


def low(*records: Any) -> list[RaiseAlert]:
    return raised("battery_low", *records)


def test_a_low_battery_is_told_once_per_episode() -> None:
    falling = [charge(60 + 10 * i, pct) for i, pct in enumerate((17, 15, 16, 14, 12, 10, 8))]
    (alert,) = low(*ON, *falling)
    assert (alert.severity, alert.visit, alert.device) == ("warning", "vis_1", "dev_1")
    assert (alert.why["battery_pct"], alert.why["low_pct"]) == (15, 15.0)


def test_it_is_over_only_well_above_the_limit() -> None:
    down = (*ON, charge(60, 15))
    assert noted("battery_low", *down, charge(70, 18), charge(80, 24)) == []
    assert noted("battery_low", *down, charge(70, 18), charge(80, 25)) == ["mended"]
    again = (*down, charge(70, 40), charge(80, 30), charge(90, 14))
    assert len(low(*again)) == 2


def test_nothing_is_told_while_it_is_charged() -> None:
    charging = (replace(QUIET, visits=()), charge(-60, 5), charge(-30, 9), QUIET, *ticks(0, 5))
    assert not low(*charging, charge(60, 12), charge(120, 14))
    assert low(*charging, charge(60, 12), charge(120, 11)), "unplugged again"


def test_a_fast_fall_is_told_before_it_is_low() -> None:
    falling = [charge(60 + 60 * i, 60 - 2 * i) for i in range(16)]
    (alert,) = low(*ON, *falling)
    assert alert.why["how"] == "empty_soon"
    assert alert.why["empty_in_s"] == pytest.approx(1_440, abs=400)
    assert alert.why["battery_pct"] == pytest.approx(40, abs=15)
    slow = [charge(60 + 60 * i, 60 - 0.2 * i) for i in range(50)]
    assert not low(*ON, *slow)


def test_an_older_charge_changes_nothing() -> None:
    assert not low(*ON, charge(60, 80), charge(70, 5, told_s=50))


def test_off_duty_nobody_hears_of_it_until_she_is_on() -> None:
    home = (QUIET, tick(-9_000), charge(-8_990, 10))
    assert not low(*home, *ticks(-8_985, -1_805))
    (alert,) = low(*home, *ticks(-8_985, -1_790))
    assert (alert.severity, alert.visit) == ("info", None)


def test_reports_without_a_usable_fix_are_a_lost_gps() -> None:
    blind = [fix(10 + 60 * i, 10, accuracy_m=900) for i in range(40)]
    spread = [record for i, poor in enumerate(blind) for record in (*ticks(5 + 60 * i, 60 + 60 * i), poor)]
    spread = sorted({(_when(record), repr(record)): record for record in spread}.values(), key=_when)
    (alert,) = faults("gps_lost", *ON, *spread)
    assert (alert.severity, alert.why["last_fix_ms"], alert.why["allowed_s"]) == ("warning", at(5), 900.0)
    assert noted("device_fault", *ON, *spread, fix(2_500, 10)) == ["mended"]


def _when(record: Any) -> int:
    return int(record.at_ms if hasattr(record, "at_ms") else record.received_ms)


def test_a_silent_device_is_silent_and_not_blind() -> None:
    assert not faults("gps_lost", *ON, *ticks(10, 3_500))


def test_who_is_told_of_a_silence_hears_nothing_of_gps() -> None:
    """Its last word had no fix, and then it says nothing at all."""
    said = [fix(second, 10) for second in range(12, 600, 60)] + [status(741, online=True)]
    day = (*ON, *sorted([*said, *ticks(10, 3_000)], key=_when))
    assert raised("device_silent", *day)
    assert not faults("gps_lost", *day)


def test_a_device_that_comes_back_is_given_time_to_find_itself() -> None:
    back = (*ON, *ticks(10, 1_500), status(1_502, online=True))
    assert not faults("gps_lost", *back, *ticks(1_505, 1_600))


def test_a_clock_that_is_off_by_the_same_all_the_time_is_wrong() -> None:
    for ahead_s, how in ((600, "clock_ahead"), (-600, "clock_behind")):
        said = [status(60 * i, told_s=60 * i + ahead_s, online=True) for i in range(1, 10)]
        (alert,) = faults(how, *ON, *said)
        assert (alert.severity, alert.why["skew_s"]) == ("info", 600.0)
        assert noted("device_fault", *ON, *said, status(700, told_s=699, online=True)) == ["mended"]


def test_what_waited_on_the_device_says_nothing_about_its_clock() -> None:
    waited = [fix(10 + 10 * i, 10, received_s=1_200 + i / 100) for i in range(100)]
    assert not raised("device_fault", *ON, *waited, *[fix(1_210 + 60 * i, 10) for i in range(10)])
    trickle = [fix(10 + 60 * i, 10, received_s=600 + 10 * i) for i in range(60)]
    assert not faults("clock_behind", *ON, *trickle)


def test_a_moment_of_skew_is_nothing() -> None:
    said = [status(10 * i, told_s=10 * i + 600, online=True) for i in range(1, 9)]
    assert not raised("device_fault", *ON, *said)


def test_firmware_below_what_the_organisation_wants_is_told_once() -> None:
    wants = replace(QUIET, limits={"phone_firmware_min": "2.4"})
    old = (wants, *ticks(0, 5), status(6, firmware="2.3.9"), status(7, firmware="2.3.9"))
    (alert,) = faults("firmware_old", *old, *ticks(10, 60))
    assert (alert.severity, alert.why["firmware"], alert.why["wanted"]) == ("info", "2.3.9", "2.4")
    assert noted("device_fault", *old, status(80, firmware="v2.10.0")) == ["mended"]
    for fine in ("2.4", "2.4.0", "10", "unknown"):
        assert not faults("firmware_old", wants, *ticks(0, 5), status(6, firmware=fine))
    assert not faults("firmware_old", QUIET, *ticks(0, 5), status(6, firmware="0.1"))


def test_a_last_will_says_nothing_about_health() -> None:
    wills = [status(60 * i, told_s=-9_000, online=False, battery_pct=1) for i in range(1, 10)]
    assert not raised("device_fault", *ON, *wills)
    assert not low(*ON, *wills)


def told_health(*records: Any) -> list[DeviceHealth]:
    return [effect for effect in run(*records) if isinstance(effect, DeviceHealth)]


def test_the_trend_of_a_battery_is_told_as_it_changes() -> None:
    falling = [charge(60 + 60 * i, 60 - i) for i in range(16)]
    *_, last = told_health(*ON, *falling)
    assert last.battery_trend_pct_h == pytest.approx(-60)
    assert last.battery_empty_ms == pytest.approx(at(60 + 15 * 60 + 45 * 60), abs=60_000)
    charging = told_health(*ON, *falling, charge(1_100, 60))[-1]
    assert (charging.battery_charging, charging.battery_empty_ms) == (True, None)


def test_fixes_that_say_nothing_new_tell_nothing_of_health() -> None:
    assert told_health(*ON, *(fix(10 + 5 * i, 10) for i in range(20))) == []
    assert len(told_health(*ON, *(charge(60 + 5 * i, 60) for i in range(20)))) == 1


def test_a_wrong_clock_is_told_and_a_right_one_again() -> None:
    wrong = [fix(60 + 60 * i - 1_800, 10, received_s=60 + 60 * i) for i in range(8)]
    right = fix(700, 10, received_s=701)
    told = told_health(*ON, *wrong, right)
    assert [health.clock_skew_ms for health in told] == [-1_800_000, None]
