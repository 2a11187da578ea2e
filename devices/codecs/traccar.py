"""Traccar: what a Traccar server's forwarders send (HTTP, MQTT, Kafka), of any of its 200 protocols.

`channel` is `position`, `event` or `any`; the payload itself tells which it is. Speed is in knots. An SOS
comes twice, in its position and as an event: both give the same alarm, so either may be filtered out.
"""

from devices import reports
from devices.codecs import Reading
from devices.codecs.alarm_words import strongest
from devices.codecs.lenient import KNOT_MPS, Fields, read_objects, salvage
from devices.codecs.speakers import Part, parts_by
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase, Position, Report

_ONLINE = {"deviceOnline": True, "deviceOffline": False}
_PLACE_TIMES = ("fixTime", "deviceTime")
_TIMES = ("deviceTime", "fixTime", "serverTime", "eventTime")


def read(channel: str, payload: bytes, received_ms: int) -> Reading:
    """Read one forwarded position or event, or a list of them (a `devices.codecs.Codec`).

    Raises:
        UnreadablePayload: nothing in it can be read; never for an alarm that can be recognised.
    """
    reading = Reading([], [])
    try:
        items = read_objects(payload, reading.faults)
    except UnreadablePayload as fault:
        reading.faults.append(fault)
        alarm = _salvaged(Fields(salvage(payload), reading.faults), received_ms)
        if alarm is None:
            raise
        reading.reports.append(alarm)
        return reading
    for item in items:
        reading.reports.extend(_read_one(Fields(item, reading.faults), received_ms))
    return reading


def parts(payload: bytes) -> list[Part]:
    """Return what each device said, by its `uniqueId`."""
    return parts_by(payload, lambda item: [Fields(item, []).inside("device").text("uniqueId")], ("uniqueId",))


def _read_one(root: Fields, received_ms: int) -> list[Report]:
    has_position, has_event = bool(root.values.get("position")), bool(root.values.get("event"))
    if not has_position and not has_event:
        root.blame("position", "missing, and event as well")
        return []
    at = root.inside("position")
    said = root.inside("event")
    position = _position(at)
    attributes = at.inside("attributes")
    alarming = (said.inside("attributes"), attributes)
    kind = strongest(one.alarm("alarm") for one in alarming)
    if said.text("type") == "alarm" and not any(one.found("alarm")[1] for one in alarming):
        said.blame("attributes.alarm", "missing: taken for a panic")
        kind = reports.PanicPressed
    alarm = None if kind is None else _raise(kind, said, at, position, received_ms)
    battery_pct = attributes.number("batteryLevel", low=0, high=100)
    if has_event:
        return [alarm] if alarm is not None else _status(said, received_ms)
    time_ms = _time_ms(said, at, received_ms)
    if alarm is None and position is not None and not at.has_bad_time(*_PLACE_TIMES):
        motion = attributes.text("motion")
        fix_ms = at.time_ms("fixTime") or time_ms
        return [reports.Fix(time_ms=fix_ms, position=position, battery_pct=battery_pct, motion=motion)]
    status = reports.StatusReported(time_ms=time_ms, online=True, battery_pct=battery_pct)
    if alarm is None:
        return [status]
    return [alarm, status] if battery_pct is not None else [alarm]


def _status(said: Fields, received_ms: int) -> list[Report]:
    online = _ONLINE.get(said.text("type") or "")
    if online is None:
        return []
    return [
        reports.StatusReported(time_ms=said.time_ms("eventTime", "serverTime") or received_ms, online=online)
    ]


def _raise(
    kind: type[AlarmBase], said: Fields, at: Fields, position: Position | None, received_ms: int
) -> Report:
    own_ms = at.time_ms(*_TIMES) or said.time_ms("eventTime", "serverTime")
    return kind(  # type: ignore[return-value]  # every kind is one of the union
        time_ms=received_ms if own_ms is None else own_ms,
        # The event has its position's time: one press has one name, whichever of the two comes first.
        alarm=None if own_ms is None else f"{kind.__name__}@{own_ms}",
        position=position,
        doubts=said.doubts,
    )


def _position(at: Fields) -> Position | None:
    """Return where it is; what Traccar itself marks as invalid is no position."""
    speed_kn = at.number("speed", low=0, high=1e5)
    if at.flag("valid") is False:
        return None
    return at.place(
        at.degrees(("latitude",), ("longitude",)),
        time_ms=at.time_ms(*_PLACE_TIMES),
        accuracy_m=at.number("accuracy", low=0, high=1e8, none=(-1.0, 0.0)),
        altitude_m=at.number("altitude", low=-1e5, high=1e6, none=()),
        speed_mps=None if speed_kn is None else speed_kn * KNOT_MPS,
        heading_deg=at.number("course", low=0, high=360),
    )


def _time_ms(said: Fields, at: Fields, received_ms: int) -> int:
    return at.time_ms(*_TIMES) or said.time_ms("eventTime") or received_ms


def _salvaged(fields: Fields, received_ms: int) -> Report | None:
    kind = fields.alarm("alarm")
    return None if kind is None else _raise(kind, fields, fields, _position(fields), received_ms)
