"""Native payloads as a device writes them: UTF-8 JSON (docs/protocol.md)."""

from typing import Literal, NamedTuple

import msgspec

from devices.rfc3339 import rfc3339

AlarmKind = Literal["panic", "duress", "fall", "no_motion", "tamper"]
EventKind = Literal["check_in", "visit_start", "visit_end", "arrive", "leave", "cancel_alarm"]
RecordKind = Literal[
    "recording_started", "recording_stopped", "segment", "step", "consumable", "waste", "satisfaction"
]
Value = str | int | float | bool | None

_DEGREE_DIGITS = 7  # about a centimetre


class Measured(NamedTuple):
    """A position as a device measured it: WGS-84 degrees, metres (68 % radius)."""

    lat: float
    lon: float
    accuracy_m: float
    speed_mps: float | None = None
    heading_deg: float | None = None


def position(measured: Measured, at_ms: int) -> dict[str, Value]:
    """Return `measured` as the JSON object that fixes and alarms carry."""
    fields: dict[str, Value] = {
        "time": rfc3339(at_ms),
        "lat": round(measured.lat, _DEGREE_DIGITS),
        "lon": round(measured.lon, _DEGREE_DIGITS),
        "accuracy_m": round(measured.accuracy_m, 1),
    }
    if measured.speed_mps is not None:
        fields["speed_mps"] = round(measured.speed_mps, 2)
    if measured.heading_deg is not None:
        fields["heading_deg"] = round(measured.heading_deg, 1) % 360
    return fields


def fix(seq: int, at_ms: int, measured: Measured, battery_pct: float | None = None) -> bytes:
    """Return one fix."""
    fields: dict[str, Value] = {"seq": seq, **position(measured, at_ms)}
    if battery_pct is not None:
        fields["battery_pct"] = round(battery_pct)
    return msgspec.json.encode(fields)


def fixes(each: list[bytes]) -> bytes:
    """Return a list of fixes out of single ones: the back-fill after a gap."""
    return b"[" + b",".join(each) + b"]"


def message(kind: str, seq: int, at_ms: int, **fields: object) -> bytes:
    """Return an alarm, event or record; fields that are None are left out."""
    given = {key: value for key, value in fields.items() if value is not None}
    return msgspec.json.encode({"kind": kind, "seq": seq, "time": rfc3339(at_ms), **given})


def status(seq: int, at_ms: int, battery_pct: float, signal_dbm: float, firmware: str) -> bytes:
    """Return the status of a device that is there."""
    return msgspec.json.encode(
        {
            "seq": seq,
            "time": rfc3339(at_ms),
            "state": "online",
            "battery": round(battery_pct),
            "signal": round(signal_dbm),
            "firmware": firmware,
        }
    )


def last_will() -> bytes:
    """Return what the broker says for a device that is gone.

    It has neither `seq` nor `time`: it is written when the device connects, so both would tell of a
    moment long before the one it is sent at.
    """
    return b'{"state":"offline"}'
