"""Worries: what stands on the board, and in which order."""

from typing import Any

import msgspec

from safety.domain.limits import DEFAULTS
from safety.rules.worries import DAY_MS, Condition, OpenAlert, worries

NOW_MS = 1_795_000_000_000
WELL = Condition(
    kind="phone",
    created_ms=NOW_MS - 90 * DAY_MS,
    heard_ms=NOW_MS - 5_000,
    battery_pct=80.0,
    fix_ms=NOW_MS - 5_000,
    fix_accuracy_m=9.0,
    tested_ms=NOW_MS - 3 * DAY_MS,
)


def reasons(**fields: Any) -> list[str]:
    return [worry.reason for worry in worries(WELL._replace(**fields), DEFAULTS, NOW_MS)]


def minutes(count: float) -> int:
    return NOW_MS - round(count * 60_000)


def test_a_device_that_is_well_is_no_worry() -> None:
    assert reasons() == []
    assert reasons(on_visit_since_ms=minutes(60)) == []


def test_a_phone_that_is_off_at_home_is_none_for_a_day() -> None:
    assert reasons(heard_ms=minutes(23 * 60)) == []
    assert reasons(heard_ms=minutes(25 * 60)) == ["silent"]


def test_during_a_visit_silence_is_told_within_the_limits() -> None:
    assert reasons(heard_ms=minutes(4), on_visit_since_ms=minutes(10)) == ["silent"]
    assert reasons(heard_ms=minutes(4), on_visit_since_ms=minutes(2)) == []


def test_a_button_says_nothing_for_hours_and_is_well() -> None:
    assert reasons(kind="button", heard_ms=minutes(20 * 60), on_visit_since_ms=minutes(30), fix_ms=None) == []


def test_what_was_never_heard_or_tested_is_told() -> None:
    assert reasons(heard_ms=None, fix_ms=None, tested_ms=None) == ["never_heard", "untested"]
    assert reasons(tested_ms=NOW_MS - 31 * DAY_MS) == ["untested"]


def test_a_low_battery_is_none_while_it_is_charged() -> None:
    assert reasons(battery_pct=9.0) == ["battery_low"]
    assert reasons(battery_pct=9.0, battery_charging=True) == []
    assert reasons(battery_pct=30.0, battery_empty_ms=NOW_MS + 600_000) == ["battery_soon_empty"]


def test_gps_is_judged_where_it_matters() -> None:
    assert reasons(fix_ms=minutes(20), on_visit_since_ms=minutes(30)) == ["gps_lost"]
    assert reasons(fix_ms=minutes(20)) == []
    assert reasons(fix_accuracy_m=900.0) == ["gps_poor"]


def test_a_wrong_clock_and_an_old_program_are_told() -> None:
    limits = msgspec.structs.replace(DEFAULTS, phone_firmware_min="2.4")
    known = WELL._replace(clock_skew_ms=-600_000, firmware="2.3.9")
    assert [worry.reason for worry in worries(known, limits, NOW_MS)] == ["clock_skew", "firmware_old"]


def test_the_worst_stands_first_and_an_alert_says_it_once() -> None:
    open_alerts = (
        OpenAlert("a1", "device_fault", "not_recording", minutes(3)),
        OpenAlert("a2", "device_silent", "no_reports", minutes(2)),
        OpenAlert("a3", "device_fault", "clock_ahead", minutes(1)),
        OpenAlert("a4", "device_fault", "new_rule", minutes(1)),
    )
    found = worries(
        WELL._replace(
            alerts=open_alerts, heard_ms=minutes(10), on_visit_since_ms=minutes(30), clock_skew_ms=600_000
        ),
        DEFAULTS,
        NOW_MS,
    )
    assert [worry.reason for worry in found] == ["not_recording", "silent", "new_rule", "clock_skew"]
    assert [worry.urgency for worry in found] == ["high", "high", "high", "warning"]
