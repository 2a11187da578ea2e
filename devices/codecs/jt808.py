"""JT/T 808: a location report (0x0200) as a platform hands it on in JSON; `channel` is not looked at.

The names and units are those of the standard: `alarm` and `status` are its bit fields, `speed` is in tenths
of a km/h, a time without an offset is Beijing's. Bit 0 of `alarm` is the emergency switch; it is repeated in
each report until the platform has answered it. docs/protocol.md has the whole form.
"""

import re
from collections.abc import Mapping
from typing import Any

from devices import reports
from devices.codecs import Reading
from devices.codecs.lenient import BEIJING, KMH_MPS, Fields, read_objects, salvage
from devices.codecs.speakers import Part, parts_by
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase, Position, Report

_NAMES = ("phone", "terminalId", "simNo", "sim", "mobile", "deviceId", "imei")
_ALARM = ("alarm", "alarmFlag", "alarmSign", "warnFlag")
_TIME = ("time", "deviceTime", "gpsTime")
_EMERGENCY = 1 << 0
_HELD_MS = 60_000
"""A switch that stays on is one alarm a minute: not one a report, and a new press is hidden no longer."""
_LOCATED, _SOUTH, _WEST = 1 << 1, 1 << 2, 1 << 3
_BCD_TIME = re.compile(r"(\d\d)" * 6)


def read(channel: str, payload: bytes, received_ms: int) -> Reading:
    """Read one report, or a list of them (a `devices.codecs.Codec`).

    Raises:
        UnreadablePayload: nothing in it can be read; never for an emergency that can be recognised.
    """
    reading = Reading([], [])
    try:
        items = read_objects(payload, reading.faults)
    except UnreadablePayload as fault:
        reading.faults.append(fault)
        fields = Fields(_with_iso_times(salvage(payload)), reading.faults, zone=BEIJING)
        kind = _alarm_kind(fields)
        if kind is None:
            raise
        reading.reports.append(_alarm(kind, fields, received_ms))
        return reading
    for item in items:
        fields = Fields(_with_iso_times(item), reading.faults, zone=BEIJING)
        reading.reports.extend(_read_one(fields, received_ms))
    return reading


def parts(payload: bytes) -> list[Part]:
    """Return what each terminal said, by its number."""
    return parts_by(payload, lambda item: [Fields(item, []).text(name) for name in _NAMES], _NAMES)


def _read_one(fields: Fields, received_ms: int) -> list[Report]:
    kind = _alarm_kind(fields)
    if kind is not None:
        return [_alarm(kind, fields, received_ms)]
    battery_pct = fields.number("battery", "batteryLevel", low=0, high=100)
    online = fields.flag("online")
    if fields.has_bad_time(*_TIME):
        return []
    own_ms = fields.time_ms(*_TIME)
    time_ms = received_ms if own_ms is None else own_ms
    position = _position(fields, own_ms)
    if position is not None:
        return [reports.Fix(time_ms=time_ms, position=position, battery_pct=battery_pct)]
    return [reports.StatusReported(time_ms=time_ms, online=online is not False, battery_pct=battery_pct)]


def _alarm(kind: type[AlarmBase], fields: Fields, received_ms: int) -> Report:
    own_ms = fields.time_ms(*_TIME)
    position = _position(fields, own_ms)
    held = None if own_ms is None else f"{kind.__name__}@{own_ms // _HELD_MS}"
    return kind(  # type: ignore[return-value]  # every kind is one of the union
        time_ms=received_ms if own_ms is None else own_ms,
        alarm=fields.text("alarmId", "alarm_id") or held,
        position=position,
        test=fields.flag("test") is True,
        doubts=fields.doubts,
    )


def _alarm_kind(fields: Fields) -> type[AlarmBase] | None:
    """Return the alarm in the bits, or in the words that some platforms make of them."""
    bits = _bits(fields.found(*_ALARM)[1])
    if bits is None:
        return fields.alarm(*_ALARM)
    return reports.PanicPressed if bits & _EMERGENCY else None


def _bits(value: object) -> int | None:
    if isinstance(value, bool):
        return int(value)
    try:
        if isinstance(value, str):
            said = value.strip().lower()
            # Platforms print the field as a number, as 0x…, or as the eight digits of its double word.
            return (
                int(said, 16) if said.startswith("0x") or (len(said) == 8 and said.isalnum()) else int(said)
            )
        return int(value) if isinstance(value, int | float) else None
    except (ValueError, OverflowError):
        return None


def _with_iso_times(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members with each time that is written YYMMDDhhmmss as others write it."""
    read = {name: _BCD_TIME.fullmatch(str(values.get(name))) for name in _TIME}
    iso = {name: "20{}-{}-{}T{}:{}:{}".format(*found.groups()) for name, found in read.items() if found}
    return {**values, **iso}


def _position(fields: Fields, time_ms: int | None) -> Position | None:
    status = _bits(fields.found("status", "statusFlag")[1])
    if status is not None and not status & _LOCATED:
        return None
    at: tuple[float, float] | None = _degrees(fields)
    if at is None:
        return None
    if status is not None:  # the bits say which half of the earth; a sign that is there already stays
        at = (-abs(at[0]) if status & _SOUTH else at[0], -abs(at[1]) if status & _WEST else at[1])
    speed = fields.number("speed", low=0, high=1e5)
    measured: dict[str, Any] = {
        "accuracy_m": fields.number("accuracy_m", low=0, high=1e8, none=(-1.0, 0.0)),
        "altitude_m": fields.number("altitude", low=-1e5, high=1e6, none=()),
        "speed_mps": None if speed is None else speed / 10 * KMH_MPS,
        "heading_deg": fields.number("direction", low=0, high=360),
    }
    return fields.place(at, time_ms=time_ms, **measured)


def _degrees(fields: Fields) -> tuple[float, float] | None:
    """Return latitude and longitude; the standard's own whole millionths are beyond what degrees can be."""
    lat, lon = ("lat", "latitude"), ("lon", "lng", "longitude")
    raw = [fields.number(*names, low=-180e6, high=180e6, none=()) for names in (lat, lon)]
    if all(value is not None and value == int(value) for value in raw) and any(
        abs(v or 0) > 180 for v in raw
    ):
        values = {name: (value or 0) / 1e6 for name, value in zip(("lat", "lon"), raw, strict=True)}
        return Fields(values, fields.faults).degrees(("lat",), ("lon",))
    return fields.degrees(lat, lon)
