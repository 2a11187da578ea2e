"""Limits: what may be set, how it is read, and what high risk makes of it."""

import pytest

from safety.domain.limits import (
    DEFAULTS,
    LIMITS,
    Limits,
    checked_limits,
    grace_s,
    parse_limit,
    reminder_s,
    resolve,
)
from safety.errors import InvalidInput
from tests.support.documents import code, rows


def test_every_limit_is_described_and_its_default_is_within_its_bounds() -> None:
    assert list(LIMITS) == list(Limits.__struct_fields__)
    defaults = {name: getattr(DEFAULTS, name) for name in LIMITS}
    assert checked_limits(defaults) == dict(sorted(defaults.items()))
    for name, limit in LIMITS.items():
        unit = {"s": "_s", "m": "_m", "%": "_pct", "version": "_min"}[limit.unit]
        assert name.endswith(unit)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cancel_window_s", 301, "expected 0 to 300 s"),
        ("cancel_window_s", -1, "out of bounds"),
        ("cancel_window_s", float("nan"), "out of bounds"),
        ("cancel_window_s", True, "out of bounds"),
        ("cancel_window_s", "30", "out of bounds"),
        ("cancel_window_s", None, "cannot be left out"),
        ("phone_firmware_min", "two", "no version"),
        ("phone_firmware_min", 2, "no version"),
        ("nonsense_s", 1, "is unknown"),
    ],
)
def test_what_cannot_be_used_is_refused(name: str, value: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        checked_limits({name: value})


def test_a_battery_must_be_able_to_recover() -> None:
    with pytest.raises(InvalidInput, match="battery_low_pct < battery_clear_pct"):
        checked_limits({"battery_low_pct": 30})
    assert checked_limits({"battery_low_pct": 30, "battery_clear_pct": 40})


def test_people_write_durations_numbers_versions_and_none() -> None:
    assert parse_limit("arrival_grace_s", "10m") == 600
    assert parse_limit("arrival_grace_s", "90") == 90
    assert parse_limit("battery_low_pct", "20") == 20
    assert parse_limit("phone_firmware_min", "2.4.1") == "2.4.1"
    assert parse_limit("phone_silent_s", "none") is None
    for name, text in (("arrival_grace_s", "soon"), ("battery_low_pct", "20s"), ("nonsense_s", "1")):
        with pytest.raises(InvalidInput):
            parse_limit(name, text)


def test_nothing_set_is_the_defaults_themselves() -> None:
    assert resolve({}) is DEFAULTS
    assert resolve({}, {}, "low") is DEFAULTS


def test_high_risk_halves_how_long_anybody_waits() -> None:
    tight = resolve({"phone_silent_s": 100.0}, {}, "high")
    assert (tight.phone_silent_s, tight.arrival_grace_s) == (50.0, DEFAULTS.arrival_grace_s / 2)
    assert (tight.check_in_every_s, tight.button_silent_s) == (1800.0, None)
    assert tight.cancel_window_s == DEFAULTS.cancel_window_s, "she needs her time to take a fall back"
    assert resolve({"check_in_every_s": 600.0}, {}, "high").check_in_every_s == 600.0


def test_a_visit_has_the_last_word_even_over_its_risk() -> None:
    own = resolve({"arrival_grace_s": 600.0}, {"arrival_grace_s": 1200.0}, "high")
    assert own.arrival_grace_s == 1200.0
    assert resolve({}, {"high_risk_check_in_every_s": 600.0}, "high").check_in_every_s == 600.0
    assert resolve({}, {"high_risk_check_in_every_s": 600.0}, "low").check_in_every_s is None
    assert resolve({}, {"check_in_every_s": None}, "high").check_in_every_s is None
    ours = {"check_in_every_s": 900.0}
    assert resolve(ours, {"high_risk_check_in_every_s": 600.0}, "high").check_in_every_s == 900.0


def test_limits_of_another_version_are_left_out() -> None:
    assert resolve({"of_tomorrow_s": 1.0, "arrival_grace_s": 60.0}).arrival_grace_s == 60.0


def test_grace_and_reminder_follow_from_the_interval_unless_they_are_set() -> None:
    assert [grace_s(DEFAULTS, every_s, "low") for every_s in (300, 1_800)] == [30, 120]
    assert grace_s(DEFAULTS, 1_800, "high") == 60
    assert grace_s(resolve({"check_in_grace_s": 5.0}), 1_800, "low") == 5
    assert [reminder_s(DEFAULTS, every_s) for every_s in (300, 1_800)] == [30, 60]
    assert reminder_s(resolve({"check_in_reminder_s": 600.0}), 300) == 150


def test_every_limit_is_in_the_document_with_its_default_and_bounds() -> None:
    told = {code(row[0])[0]: row[1:4] for row in rows("docs/rules.md") if len(row) == 5 and code(row[0])}
    for name, limit in LIMITS.items():
        default = getattr(DEFAULTS, name)
        shown = f"{default:g} {limit.unit}" if isinstance(default, float) else limit.without
        bounds = ["", ""] if limit.unit == "version" else [f"{limit.low:g}", f"{limit.high:g}"]
        assert list(told[name]) == [shown, *bounds], name
