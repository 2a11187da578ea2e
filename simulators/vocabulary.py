"""The vocabulary of Vigil's API (docs/protocol.md), as far as scenarios use it and may misspell it."""

from typing import Literal, get_args

Alert = Literal[
    "panic",
    "duress",
    "fall",
    "no_motion",
    "tamper",
    "fence_exit",
    "fence_enter",
    "missed_check_in",
    "overdue_visit",
    "device_silent",
    "battery_low",
    "device_fault",
]
Reason = Literal["false_alarm", "test", "assisted", "police", "medical", "no_fault_found"]
Severity = Literal["critical", "high", "warning", "info"]
State = Literal["raised", "acknowledged", "dispatched", "on_scene", "resolved", "cancelled"]
AlertField = Literal[
    "id",
    "incident",
    "held_by",
    "kind",
    "severity",
    "state",
    "nurse",
    "nurse_name",
    "device",
    "device_kind",
    "visit",
    "org",
    "occurred_at",
    "received_at",
    "raised_at",
    "position",
    "escalation_level",
    "escalates_at",
    "cancel_until",
    "owner",
    "test",
    "late",
    "silent",
    "doubts",
    "why",
    "resolution",
    "source_event",
    "version",
]
Limit = Literal[
    "cancel_window_s",
    "arrival_grace_s",
    "overrun_grace_s",
    "address_margin_m",
    "address_fix_age_s",
    "check_in_every_s",
    "high_risk_check_in_every_s",
    "check_in_grace_s",
    "check_in_reminder_s",
    "check_in_extension_max_s",
    "duty_lead_s",
    "phone_silent_s",
    "recorder_silent_s",
    "button_silent_s",
    "phone_silent_on_duty_s",
    "recorder_silent_on_duty_s",
    "button_silent_on_duty_s",
    "offline_s",
    "flap_window_s",
    "battery_low_pct",
    "battery_clear_pct",
    "battery_empty_s",
    "gps_lost_s",
    "recording_grace_s",
    "recording_stalled_s",
    "alert_fix_every_s",
    "clock_skew_s",
    "clock_skew_for_s",
    "phone_firmware_min",
    "recorder_firmware_min",
    "button_firmware_min",
]

_FIELDS: frozenset[str] = frozenset(get_args(AlertField))
_VALUES: dict[str, tuple[str, ...]] = {
    "kind": get_args(Alert),
    "severity": get_args(Severity),
    "state": get_args(State),
}


def check_field(path: str, value: object) -> None:
    """See that an alert has the field, and that it can be `value`; `position.source` is one inside another.

    Raises:
        ValueError: it has no such field, or that can never be in it.
    """
    field = path.partition(".")[0]
    if field not in _FIELDS:
        raise ValueError(f"an alert has no field {field!r}: there are {', '.join(sorted(_FIELDS))}")
    possible = _VALUES.get(path)
    if possible is not None and value not in possible:
        raise ValueError(f"{path} is never {value!r}: it is one of {', '.join(possible)}")
