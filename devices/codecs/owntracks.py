"""OwnTracks: the JSON of the OwnTracks apps (booklet, "JSON"), over MQTT or HTTP; `channel` is not looked at.

The app has no alarm button, and a manual report (`"t":"u"`) is none. An alarm is a message that says so in
`alarm`, or whose `event`, `tag`, `poi` or `desc` is a word for one and nothing else: iOS sets `tag` and `poi`
from a shortcut, both apps send a waypoint that is called SOS. docs/protocol.md tells how to set it up.
"""

from typing import Any

from devices import reports
from devices.codecs import Reading
from devices.codecs.alarm_words import meant, strongest
from devices.codecs.lenient import KMH_MPS, Fields, read_objects, salvage
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase, Position, Report

_PLACED = frozenset({"location", "transition"})
# Of no use here: what the app is set to, what it was told, and how many steps she went.
_IGNORED = frozenset(
    {
        "waypoint",
        "waypoints",
        "status",
        "card",
        "cmd",
        "configuration",
        "dump",
        "steps",
        "beacon",
        "request",
        "msg",
    }
)


def read(channel: str, payload: bytes, received_ms: int) -> Reading:
    """Read one OwnTracks payload, or a list of them (a `devices.codecs.Codec`).

    An empty payload, which clears a retained message, says nothing.

    Raises:
        UnreadablePayload: nothing in it can be read; never for an alarm that can be recognised.
    """
    reading = Reading([], [])
    if not payload.strip(b" \t\r\n\0"):
        return reading
    try:
        items = read_objects(payload, reading.faults)
    except UnreadablePayload as fault:
        fields = Fields(salvage(payload), reading.faults)
        reading.faults.append(fault)
        alarm = _alarm(fields, received_ms)
        if alarm is None:
            raise
        reading.reports.append(alarm)
        return reading
    for item in items:
        fields = Fields(item, reading.faults)
        reading.reports.extend(_read_one(fields, received_ms))
    return reading


def _read_one(fields: Fields, received_ms: int) -> list[Report]:
    kind = fields.text("_type")
    if kind == "encrypted":
        fields.blame("data", "encrypted, and the key is not known here: empty the app's encryption key")
        return []
    alarm = _alarm(fields, received_ms)
    if alarm is not None:
        return [alarm, *_status(fields, received_ms, alarm.time_ms)]
    if kind in _PLACED:
        return _located(fields, received_ms)
    if kind == "lwt":
        # Its `tst` is the time of the login: when the connection broke is when the broker says so.
        return [reports.StatusReported(time_ms=received_ms, online=False)]
    if kind is None:
        fields.blame("_type", "missing")
    elif kind not in _IGNORED:
        fields.blame("_type", f"unknown: {kind[:50]!r}")
    return []


def _alarm(fields: Fields, received_ms: int) -> Report | None:
    kind = _alarm_kind(fields)
    if kind is None:
        return None
    time_ms = fields.time_ms("tst")
    position = _position(fields, time_ms)
    test = fields.flag("test") is True
    silent = fields.flag("silent") is True
    return kind(  # type: ignore[return-value]  # every kind is one of the union
        time_ms=received_ms if time_ms is None else time_ms,
        alarm=fields.text("_id"),
        position=position,
        test=test,
        silent=silent,
        doubts=fields.doubts,
    )


def _alarm_kind(fields: Fields) -> type[AlarmBase] | None:
    # Only new words: a region that is called SOS is entered and left without an alarm.
    names = ("event",) if fields.text("_type") == "transition" else ("event", "tag", "poi", "desc")
    texts = [fields.values.get(name) for name in names]
    words = [meant(text) for text in texts if isinstance(text, str)]
    return strongest([fields.alarm("alarm"), *words])


def _located(fields: Fields, received_ms: int) -> list[Report]:
    if fields.has_bad_time("tst"):
        return []
    said_ms = fields.time_ms("tst")
    time_ms = received_ms if said_ms is None else said_ms
    position = _position(fields, said_ms)
    if fields.found("lat")[1] is None and fields.found("lon")[1] is None:
        fields.blame("lat", "missing")
    if position is None:
        return _status(fields, received_ms, time_ms, always=True)
    motion = fields.values.get("motionactivities")
    battery_pct = fields.number("batt", low=0, high=100)
    words = [str(word)[:50] for word in motion] if isinstance(motion, list) else []
    return [
        reports.Fix(
            time_ms=time_ms, position=position, battery_pct=battery_pct, motion=",".join(words)[:200] or None
        )
    ]


def _status(fields: Fields, received_ms: int, time_ms: int, *, always: bool = False) -> list[Report]:
    battery_pct = fields.number("batt", low=0, high=100)
    if battery_pct is None and not always:
        return []
    return [reports.StatusReported(time_ms=time_ms, online=True, battery_pct=battery_pct)]


def _position(fields: Fields, time_ms: int | None) -> Position | None:
    at = fields.degrees(("lat",), ("lon",))
    measured: dict[str, Any] = {
        "accuracy_m": fields.number("acc", low=0, high=1e8, none=(-1.0, 0.0)),
        "altitude_m": fields.number("alt", low=-1e5, high=1e6, none=()),
        "heading_deg": fields.number("cog", low=0, high=360),
    }
    speed_kmh = fields.number("vel", low=0, high=1e5)
    measured["speed_mps"] = None if speed_kmh is None else speed_kmh * KMH_MPS
    return fields.place(at, time_ms=time_ms, **measured)
