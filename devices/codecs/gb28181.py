"""GB/T 28181: what a recorder notifies its platform of, as the platform hands it on in JSON.

The names are those of the standard's MANSCDP messages, in upper or lower case (`DeviceID`, `deviceId`):
Alarm, Keepalive, MobilePosition, DeviceStatus; `channel` is not looked at. A time without an offset is
Beijing's. docs/protocol.md has the whole form.
"""

from typing import Any

from devices import reports
from devices.codecs import Reading
from devices.codecs.lenient import BEIJING, KMH_MPS, Fields, read_objects, salvage
from devices.codecs.speakers import Part, parts_by
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase, Position, Report

_NAMES = ("deviceid", "channelid", "gbid")
_PHONE, _DEVICE, _MESSAGE, _GPS, _VIDEO, _FAULT, _OTHER = range(1, 8)  # AlarmMethod
_TAMPERED = 2  # AlarmType of a device's alarm
_BY_HAND = 1  # AlarmType of a video alarm: a person pressed it; all others are found in the picture


def read(channel: str, payload: bytes, received_ms: int) -> Reading:
    """Read one notification, or a list of them (a `devices.codecs.Codec`).

    Raises:
        UnreadablePayload: nothing in it can be read; never for an alarm that can be recognised.
    """
    reading = Reading([], [])
    try:
        items = read_objects(payload, reading.faults)
    except UnreadablePayload as fault:
        reading.faults.append(fault)
        fields = _fields(salvage(payload), reading)
        if not _is_alarm(fields):
            raise
        reading.reports.extend(_alarm(fields, received_ms))
        return reading
    for item in items:
        reading.reports.extend(_read_one(_fields(item, reading), received_ms))
    return reading


def parts(payload: bytes) -> list[Part]:
    """Return what each recorder said, by its 20 digits."""
    return parts_by(payload, _called, ("DeviceID", "deviceId"))


def _called(item: dict[str, Any]) -> list[str | None]:
    """Return the names of who speaks: an alarm may be of a channel of the recorder's."""
    fields = Fields(_lowered(item), [])
    return [fields.text(name) for name in _NAMES]


def _fields(values: dict[str, Any], reading: Reading) -> Fields:
    return Fields(_lowered(values), reading.faults, zone=BEIJING)


def _lowered(values: dict[str, Any]) -> dict[str, Any]:
    """Return the members with names in lower case; those of `Info` stand beside the others."""
    lowered = {name.lower().replace("_", ""): value for name, value in values.items()}
    info = lowered.pop("info", None)
    inner = {name.lower(): value for name, value in info.items()} if isinstance(info, dict) else {}
    return {**inner, **lowered}


def _read_one(fields: Fields, received_ms: int) -> list[Report]:
    command = (fields.text("cmdtype") or "").lower()
    if _is_alarm(fields):
        return _alarm(fields, received_ms)
    if command == "keepalive":
        said = fields.text("status")
        return [reports.StatusReported(time_ms=received_ms, online=said is None or said.upper() == "OK")]
    if command == "mobileposition" or (not command and "longitude" in fields.values):
        return _moved(fields, received_ms)
    if command == "devicestatus":
        return _status(fields, received_ms)
    fields.blame("cmdtype", "expected one of Alarm, Keepalive, MobilePosition, DeviceStatus")
    return []


def _is_alarm(fields: Fields) -> bool:
    command = fields.text("cmdtype")
    return command.lower() == "alarm" if command else fields.found("alarmmethod", "alarmtime")[1] is not None


def _alarm(fields: Fields, received_ms: int) -> list[Report]:
    own_ms = fields.time_ms("alarmtime", "time")
    time_ms = received_ms if own_ms is None else own_ms
    kind = _alarm_kind(fields)
    if kind is None:  # lost video, a full disk, something in the picture: the recorder lives, nobody called
        return [reports.StatusReported(time_ms=time_ms, online=True)]
    position = _position(fields, own_ms)
    return [
        kind(  # type: ignore[list-item]  # every kind is one of the union
            time_ms=time_ms,
            alarm=fields.text("alarmid"),
            position=position,
            test=fields.flag("test") is True,
            doubts=fields.doubts,
        )
    ]


def _alarm_kind(fields: Fields) -> type[AlarmBase] | None:
    method = fields.number("alarmmethod", low=1, high=7, none=())
    kind = fields.number("alarmtype", low=0, high=1e6)
    if method == _DEVICE and kind:
        # 1 video lost, 3 disk full, 4 too hot, 5 too cold
        return (
            reports.TamperDetected
            if kind == _TAMPERED
            else None
            if kind in {1, 3, 4, 5}
            else reports.PanicPressed
        )
    if method == _FAULT or (method == _VIDEO and kind is not None and kind > _BY_HAND):
        return None
    if method is None:
        fields.blame("alarmmethod", "missing: taken for a panic")
    return reports.PanicPressed


def _moved(fields: Fields, received_ms: int) -> list[Report]:
    if fields.has_bad_time("time"):
        return []
    own_ms = fields.time_ms("time")
    position = _position(fields, own_ms)
    time_ms = received_ms if own_ms is None else own_ms
    if position is None:
        return [reports.StatusReported(time_ms=time_ms, online=True)]
    return [reports.Fix(time_ms=time_ms, position=position)]


def _status(fields: Fields, received_ms: int) -> list[Report]:
    time_ms = fields.time_ms("devicetime", "time") or received_ms
    online = (fields.text("online") or "ONLINE").upper() != "OFFLINE"
    battery_pct = fields.number("battery", low=0, high=100)
    said: list[Report] = [reports.StatusReported(time_ms=time_ms, online=online, battery_pct=battery_pct)]
    recording = (fields.text("record") or "").upper()
    if recording == "ON":
        said.append(reports.RecordingStarted(time_ms=time_ms))
    elif recording == "OFF":
        said.append(reports.RecordingStopped(time_ms=time_ms))
    return said


def _position(fields: Fields, time_ms: int | None) -> Position | None:
    speed_kmh = fields.number("speed", low=0, high=1e5)
    return fields.place(
        fields.degrees(("latitude",), ("longitude",)),
        time_ms=time_ms,
        accuracy_m=fields.number("accuracy", low=0, high=1e8, none=(-1.0, 0.0)),
        altitude_m=fields.number("altitude", low=-1e5, high=1e6, none=()),
        speed_mps=None if speed_kmh is None else speed_kmh * KMH_MPS,
        heading_deg=fields.number("direction", low=0, high=360),
    )
