"""ChirpStack v4: the JSON of its integration events; `channel` is the event: `up`, `join`, `status` …

The bytes of an uplink are read by the decoder of the device's model (devices/codecs/lora/), found by the name
of its device profile or by the tag `vigil_model`; what ChirpStack's own codec made of them (`object`) counts
too. Any press is a panic, unless a tag says otherwise: `vigil_short`, `vigil_long`, `vigil_double` may be
`panic`, `duress`, `check_in`, `cancel_alarm` or `test`.
"""

import base64
import binascii
from typing import Any

from devices import reports
from devices.codecs import Reading
from devices.codecs.alarm_words import strongest
from devices.codecs.lenient import Fields, read_objects, salvage
from devices.codecs.lora.heard import Heard
from devices.codecs.lora.uplink import decode, take_decoded
from devices.codecs.speakers import Part, parts_by
from devices.errors import UnreadablePayload
from devices.reports import Report

_SIGNS_OF_LIFE = frozenset({"join", "ack"})
_HARMLESS = frozenset({"check_in", "cancel_alarm", "test"})
_IGNORED = frozenset({"txack", "log", "integration"})


def read(channel: str, payload: bytes, received_ms: int) -> Reading:
    """Read one event (a `devices.codecs.Codec`).

    Raises:
        UnreadablePayload: nothing in it can be read; never for an uplink with a press that can be recognised.
    """
    reading = Reading([], [])
    try:
        values = next(iter(read_objects(payload, reading.faults)), {})
    except UnreadablePayload as fault:
        reading.faults.append(fault)
        values = salvage(payload)
        if channel not in {"up", ""} or "data" not in values:
            raise
    fields = Fields(values, reading.faults)
    if channel in _IGNORED:
        return reading
    if channel in {"up", ""}:
        reading.reports.extend(_up(fields, received_ms))
    elif channel == "status":
        reading.reports.append(_status(fields, received_ms))
    elif channel == "location":
        reading.reports.extend(_location(fields, received_ms))
    elif channel in _SIGNS_OF_LIFE:
        time_ms = fields.time_ms("time") or received_ms
        reading.reports.append(reports.StatusReported(time_ms=time_ms, online=True))
    else:
        raise UnreadablePayload("$", f"no event {channel[:50]!r} of ChirpStack's is known here")
    return reading


def parts(payload: bytes) -> list[Part]:
    """Return what each device said, by its DevEUI."""
    return parts_by(payload, lambda item: [Fields(item, []).inside("deviceInfo").text("devEui")], ("devEui",))


def _up(fields: Fields, received_ms: int) -> list[Report]:
    device = fields.inside("deviceInfo")
    tags = device.inside("tags")
    eui = device.text("devEui") or fields.text("devEui")
    count = fields.number("fCnt", low=0, high=2**32, none=())
    seq = None if count is None else int(count)
    time_ms = fields.time_ms("time") or received_ms
    heard = _heard(fields, tags.text("vigil_model") or device.text("deviceProfileName"))
    said: list[Report] = []
    status = reports.StatusReported(
        time_ms=time_ms,
        seq=seq,
        online=True,
        battery_pct=heard.battery_pct,
        signal_dbm=_signal(fields),
        firmware=heard.firmware,
    )
    position = None
    if heard.lat is not None and heard.lon is not None:
        here = Fields({"lat": heard.lat, "lon": heard.lon}, fields.faults)
        position = here.place(here.degrees(("lat",), ("lon",)), time_ms=time_ms)
    named = {"time_ms": time_ms, "seq": seq, "position": position}
    # A button that joins anew counts from the start: the number alone may be that of an earlier press.
    once = fields.text("deduplicationId")
    named_by = [] if seq is None and once is None else [(eui or "").lower(), seq, once]
    name = "/".join(str(part) for part in named_by if part is not None) or None
    if heard.press is not None or heard.alarm is not None:
        said.append(_raised(heard, tags, {**named, "alarm": name, "doubts": fields.doubts}))
    elif position is not None and not fields.has_bad_time("time"):
        fix = reports.Fix(
            time_ms=time_ms, seq=seq, position=position, battery_pct=heard.battery_pct, motion=heard.motion
        )
        said.append(fix)
    for lat, lon, at_s in heard.past:
        past = Fields({"lat": lat, "lon": lon}, fields.faults)
        place = past.place(past.degrees(("lat",), ("lon",)), time_ms=at_s * 1000)
        if place is not None and at_s:
            said.append(reports.Fix(time_ms=at_s * 1000, position=place))
    return [*said, status]


def _raised(heard: Heard, tags: Fields, alarm: dict[str, Any]) -> Report:
    """Return what a press or an alarm means: a press is a panic, unless the device's tags say otherwise.

    They speak of presses only: what the device itself calls an alarm is one, whatever else was pressed.
    """
    meaning = None if heard.press is None else tags.text(f"vigil_{heard.press}")
    if heard.alarm is None:
        event = {key: alarm[key] for key in ("time_ms", "seq", "position")}
        match meaning:
            case "check_in":
                return reports.CheckedIn(**event)
            case "cancel_alarm":
                return reports.AlarmCancelled(**event)
            case "test":
                return reports.PanicPressed(**alarm, test=True)
    kinds = [heard.alarm]
    if heard.press is not None and meaning not in _HARMLESS:
        kinds.append(reports.DuressSignalled if meaning == "duress" else reports.PanicPressed)
    return (strongest(kinds) or reports.PanicPressed)(**alarm)  # type: ignore[return-value]  # one of the union


def _heard(fields: Fields, model: str | None) -> Heard:
    """Return what the uplink says: an alarm counts from its bytes and from what ChirpStack made of them."""
    found = fields.inside("object").values
    decoded = take_decoded(found)
    heard = None
    raw = fields.text("data") if not isinstance(fields.values.get("data"), dict) else None
    port = fields.number("fPort", low=0, high=255)
    if raw:
        try:
            data = base64.b64decode(fields.values["data"], validate=True)
        except (binascii.Error, ValueError, TypeError):
            fields.blame("data", "expected base64")
            data = b""
        heard = decode(model, None if port is None else int(port), data) if data else None
        known = heard is not None and heard.whole
        if data and not known and decoded is None:
            fields.blame("data", "no decoder knows all of it: see docs/adding-a-device.md")
    elif found and decoded is None:
        fields.blame("object", "nothing in it is known here: see docs/adding-a-device.md")
    heard = heard or Heard()
    if decoded is not None:
        if decoded.doubtful:
            fields.blame("object", "not a word for an alarm that is known here: taken for a panic")
        heard.press = heard.press or decoded.press
        heard.alarm = strongest((heard.alarm, decoded.alarm))
        heard.battery_pct = decoded.battery_pct if heard.battery_pct is None else heard.battery_pct
        if heard.lat is None or heard.lon is None:
            heard.lat, heard.lon = decoded.lat, decoded.lon
    return heard


def _signal(fields: Fields) -> float | None:
    """Return the strength in dBm at the gateway that heard it best."""
    heard = fields.values.get("rxInfo")
    gateways = [one for one in heard if isinstance(one, dict)] if isinstance(heard, list) else []
    levels = [Fields(one, []).number("rssi", low=-1e4, high=1e4, none=()) for one in gateways]
    return max((level for level in levels if level is not None), default=None)


def _status(fields: Fields, received_ms: int) -> Report:
    # 0 is what a device says that has no battery, and what stands where it could not measure.
    unknown = any(
        fields.values.get(name) is True for name in ("externalPowerSource", "batteryLevelUnavailable")
    )
    level = fields.number("batteryLevel", low=0, high=100)
    return reports.StatusReported(
        time_ms=fields.time_ms("time") or received_ms, online=True, battery_pct=None if unknown else level
    )


def _location(fields: Fields, received_ms: int) -> list[Report]:
    at = fields.inside("location")
    time_ms = fields.time_ms("time") or received_ms
    accuracy_m = at.number("accuracy", low=0, high=1e8, none=(-1.0, 0.0))
    position = at.place(at.degrees(("latitude",), ("longitude",)), time_ms=time_ms, accuracy_m=accuracy_m)
    if position is None or fields.has_bad_time("time"):
        return []
    return [reports.Fix(time_ms=time_ms, position=position)]
