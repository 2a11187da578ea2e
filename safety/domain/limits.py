"""Limits: the parameters of the rules, with their units, safe defaults and bounds.

What an organisation or a visit sets differs from the defaults only in what it names. A visit of high risk
is watched more closely, unless the visit itself says otherwise.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from safety.domain.durations import parse_duration_s
from safety.errors import InvalidInput

LimitValue = float | str | None
LimitChanges = Mapping[str, LimitValue]
"""What is set, by the name of the limit; None: none, as its `Limit.without` says."""

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


class Limits(msgspec.Struct, frozen=True, gc=False):
    """What the rules go by. None: nothing is watched, or it follows from something else, as `LIMITS` says."""

    cancel_window_s: float = 30.0
    arrival_grace_s: float = 900.0
    overrun_grace_s: float = 900.0
    address_margin_m: float = 100.0
    address_fix_age_s: float = 120.0
    check_in_every_s: float | None = None
    high_risk_check_in_every_s: float | None = 1800.0
    check_in_grace_s: float | None = None
    check_in_reminder_s: float | None = None
    check_in_extension_max_s: float = 3600.0
    duty_lead_s: float = 1800.0
    phone_silent_s: float | None = 180.0
    recorder_silent_s: float | None = 600.0
    button_silent_s: float | None = None
    phone_silent_on_duty_s: float | None = 900.0
    recorder_silent_on_duty_s: float | None = None
    button_silent_on_duty_s: float | None = None
    offline_s: float = 30.0
    flap_window_s: float = 1800.0
    battery_low_pct: float = 15.0
    battery_clear_pct: float = 25.0
    battery_empty_s: float = 1800.0
    gps_lost_s: float | None = 900.0
    recording_grace_s: float | None = 300.0
    recording_stalled_s: float | None = 900.0
    alert_fix_every_s: float | None = 5.0
    clock_skew_s: float = 120.0
    clock_skew_for_s: float = 300.0
    phone_firmware_min: str | None = None
    recorder_firmware_min: str | None = None
    button_firmware_min: str | None = None


class Limit(NamedTuple):
    """What may be set: from `low` to `high` in `unit`, or a text if `unit` is `version`."""

    unit: str
    low: float
    high: float
    means: str
    without: str | None = None  # what it is without a value; None: it must have one


LIMITS: dict[str, Limit] = {
    "cancel_window_s": Limit("s", 0, 300, "a fall, no-motion or tamper alarm may be taken back for"),
    "arrival_grace_s": Limit("s", 0, 4 * HOUR_S, "how late she may arrive"),
    "overrun_grace_s": Limit("s", 0, 4 * HOUR_S, "how long after its planned end a visit may go on"),
    "address_margin_m": Limit("m", 0, 5000, "how far beyond the visit's radius an arrival may be"),
    "address_fix_age_s": Limit("s", 0, 1800, "how old a fix may be that says where she arrived"),
    "check_in_every_s": Limit("s", 1, DAY_S, "how often to check in, if the visit does not say", "never"),
    "high_risk_check_in_every_s": Limit("s", 1, DAY_S, "the same, for a visit of high risk", "never"),
    "check_in_grace_s": Limit(
        "s", 0, HOUR_S, "how late a check-in may be", "a tenth of the interval, at most 120 s"
    ),
    "check_in_reminder_s": Limit(
        "s", 0, HOUR_S, "how long before it is due her phone reminds her", "a tenth, at most 60 s"
    ),
    "check_in_extension_max_s": Limit("s", 0, 4 * HOUR_S, "by how much a check-in may put off the next"),
    "duty_lead_s": Limit("s", 0, 4 * HOUR_S, "how long before a visit she is on duty"),
    "phone_silent_s": Limit("s", 10, DAY_S, "how long a phone may be silent during a visit", "for ever"),
    "recorder_silent_s": Limit("s", 10, DAY_S, "the same, a work recorder", "for ever"),
    "button_silent_s": Limit("s", 10, 7 * DAY_S, "the same, an alarm button", "for ever"),
    "phone_silent_on_duty_s": Limit("s", 10, DAY_S, "how long a phone may be silent on duty", "for ever"),
    "recorder_silent_on_duty_s": Limit("s", 10, DAY_S, "the same, a work recorder", "for ever"),
    "button_silent_on_duty_s": Limit("s", 10, 7 * DAY_S, "the same, an alarm button", "for ever"),
    "offline_s": Limit("s", 0, HOUR_S, "how long after its last will a device counts as gone"),
    "flap_window_s": Limit("s", 0, DAY_S, "drops closer together than this are one unsteady connection"),
    "battery_low_pct": Limit("%", 0, 90, "at this charge a battery is low"),
    "battery_clear_pct": Limit("%", 1, 100, "at this charge it no longer is"),
    "battery_empty_s": Limit("s", 0, 4 * HOUR_S, "so long before a battery is empty it is low"),
    "gps_lost_s": Limit(
        "s", 60, DAY_S, "how long she may be without a usable fix during a visit", "for ever"
    ),
    "recording_grace_s": Limit(
        "s", 0, 4 * HOUR_S, "how long during a visit no recorder of hers may be recording", "for ever"
    ),
    "recording_stalled_s": Limit(
        "s", 60, DAY_S, "how long a running recorder that tells of segments may tell of none", "for ever"
    ),
    "alert_fix_every_s": Limit(
        "s", 1, HOUR_S, "how often her devices say where she is while an alert of hers is open", "as usual"
    ),
    "clock_skew_s": Limit("s", 10, DAY_S, "how wrong a device's clock may be"),
    "clock_skew_for_s": Limit("s", 0, DAY_S, "for how long it may be"),
    "phone_firmware_min": Limit("version", 0, 0, "the oldest version a phone's app should have", "any"),
    "recorder_firmware_min": Limit("version", 0, 0, "the same, a work recorder's firmware", "any"),
    "button_firmware_min": Limit("version", 0, 0, "the same, an alarm button's firmware", "any"),
}

DEFAULTS = Limits()

_HALVED = (
    "arrival_grace_s",
    "overrun_grace_s",
    "check_in_grace_s",
    "phone_silent_s",
    "recorder_silent_s",
    "button_silent_s",
    "phone_silent_on_duty_s",
    "recorder_silent_on_duty_s",
    "button_silent_on_duty_s",
    "gps_lost_s",
    "recording_grace_s",
)
"""What high risk halves: how long anybody waits before people are told."""

GRACE_SHARE = 0.1
MAX_GRACE_S = 120.0
MAX_REMINDER_S = 60.0

_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}")


def checked_limits(changes: Mapping[str, Any]) -> dict[str, LimitValue]:
    """Return what is set in `changes`, if all of it can be used, in the order of the names.

    Raises:
        InvalidInput: a name is unknown, or a value is out of bounds.
    """
    found = {name: checked_limit(name, value) for name, value in sorted(changes.items())}
    limits = msgspec.structs.replace(DEFAULTS, **{k: v for k, v in found.items() if v is not None})
    if limits.battery_clear_pct <= limits.battery_low_pct:
        raise InvalidInput(
            f"battery_clear_pct {limits.battery_clear_pct:g} is not above battery_low_pct "
            f"{limits.battery_low_pct:g}: expected battery_low_pct < battery_clear_pct",
            "limits.battery_clear_pct" if "battery_clear_pct" in changes else "limits.battery_low_pct",
        )
    return found


def checked_limit(name: str, value: Any) -> LimitValue:
    """Return `value` if the limit `name` may have it.

    Raises:
        InvalidInput: there is no such limit, or the value is out of its bounds.
    """
    limit, field = LIMITS.get(name), f"limits.{name[:80]}"
    if limit is None:
        raise InvalidInput(_unknown(name), field)
    if value is None:
        if limit.without is None:
            raise InvalidInput(
                f"{name} cannot be left out: expected {limit.low:g} to {limit.high:g} {limit.unit}", field
            )
        return None
    if limit.unit == "version":
        if not isinstance(value, str) or not _VERSION.fullmatch(value):
            raise InvalidInput(
                f"{name} {str(value)[:40]!r} is no version: expected numbers with dots, e.g. 2.4.1", field
            )
        return value
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not limit.low <= number <= limit.high:
        raise InvalidInput(
            f"{name} {str(value)[:40]!r} is out of bounds: "
            f"expected {limit.low:g} to {limit.high:g} {limit.unit}",
            field,
        )
    return float(number)


def resolve(ours: LimitChanges, visit: LimitChanges | None = None, risk: str = "low") -> Limits:
    """Return the limits of an organisation, or of a visit with what it sets itself and its `risk`."""
    if not ours and not visit and risk != "high":
        return DEFAULTS
    return _resolve(tuple(ours.items()), tuple((visit or {}).items()), risk)


def parse_limit(name: str, text: str, limits: Mapping[str, Limit] = LIMITS) -> LimitValue:
    """Return the value that people wrote for a limit, out of `limits`: `90`, `90s`, `15m`, `2.4.1`, `none`.

    Raises:
        InvalidInput: there is no such limit, or `text` cannot be read.
    """
    limit = limits.get(name)
    if limit is None:
        raise InvalidInput(_unknown(name))
    if text == "none":
        return None
    if limit.unit == "version":
        return text
    if limit.unit == "s" and text[-1:].isalpha():
        return parse_duration_s(text)
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{name} {text!r} cannot be read: expected a number of {limit.unit}") from None


def described(in_force: LimitChanges, own: LimitChanges) -> list[dict[str, LimitValue]]:
    """Return every limit as people read it: what holds, and whether it was set here or above."""
    return [
        {
            "name": name,
            "value": in_force.get(name, getattr(DEFAULTS, name)),
            "unit": limit.unit,
            "default": getattr(DEFAULTS, name),
            "from": "here" if name in own else ("above" if name in in_force else "default"),
            "means": limit.means,
        }
        for name, limit in LIMITS.items()
    ]


def grace_s(limits: Limits, every_s: float, risk: str) -> float:
    """Return how late a check-in may be that is due every `every_s`, during a visit of that `risk`."""
    if limits.check_in_grace_s is not None:
        return limits.check_in_grace_s
    usual_s = min(every_s * GRACE_SHARE, MAX_GRACE_S)
    return usual_s / 2 if risk == "high" else usual_s


def reminder_s(limits: Limits, every_s: float) -> float:
    """Return how long before a check-in is due the device reminds her; less than the whole interval."""
    if limits.check_in_reminder_s is not None:
        return min(limits.check_in_reminder_s, every_s / 2)
    return min(every_s * GRACE_SHARE, MAX_REMINDER_S)


# As many as there are organisations and special visits; each is the same on every machine.
@lru_cache(maxsize=4096)
def _resolve(
    ours: tuple[tuple[str, LimitValue], ...], visit: tuple[tuple[str, LimitValue], ...], risk: str
) -> Limits:
    limits = _replaced(DEFAULTS, dict(ours))
    if risk == "high":
        halves = {name: getattr(limits, name) for name in _HALVED}
        tighter: dict[str, Any] = {k: v / 2 for k, v in halves.items() if v is not None}
        limits = msgspec.structs.replace(limits, **tighter)
    own = dict(visit)
    limits = _replaced(limits, own)
    if risk == "high" and limits.check_in_every_s is None and "check_in_every_s" not in own:
        limits = msgspec.structs.replace(limits, check_in_every_s=limits.high_risk_check_in_every_s)
    return limits


def _replaced(limits: Limits, changes: Mapping[str, Any]) -> Limits:
    # A log may be older or newer than this code: what it does not know, it cannot go by.
    return msgspec.structs.replace(limits, **{k: v for k, v in changes.items() if k in LIMITS})


def _unknown(name: str) -> str:
    return f"limit {name[:80]!r} is unknown: see `vigil org limits`"
