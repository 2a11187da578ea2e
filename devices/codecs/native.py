"""The native dialect: Vigil's own JSON, for all kinds of devices (docs/protocol.md).

Locations, status and records are read strictly: what does not fit is a fault with its field. Alarms are read
by `native_alarm`, which never gives up, and events by `native_event`, which never loses a PIN. An alarm on
another channel than its own is one all the same.
"""

import contextlib
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta

from devices import reports
from devices.codecs import Reading
from devices.codecs.native_alarm import KINDS, read_alarm
from devices.codecs.native_event import read_event
from devices.codecs.native_wire import (
    Amount,
    Percent,
    Seq,
    Text,
    Time,
    WirePosition,
    decode,
    in_list,
    items_of,
    position_of,
    time_ms_of,
)
from devices.errors import UnreadablePayload
from devices.reports import Alarm, Report

T = TypeVar("T")

MAX_FIXES = 1_000


Digest = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")]


class _WireFix(WirePosition):
    seq: Seq | None = None


class _WireKind(msgspec.Struct):
    kind: str


class _WireStatus(msgspec.Struct):
    seq: Seq | None = None
    time: Time | None = None
    state: Literal["online", "offline"] | None = None
    battery: Percent | None = None
    battery_pct: Percent | None = None
    signal: Annotated[float, Meta(ge=-1e4, le=1e4)] | None = None
    signal_dbm: Annotated[float, Meta(ge=-1e4, le=1e4)] | None = None
    firmware: Text | None = None


class _WireRecord(msgspec.Struct):
    kind: Literal[
        "recording_started", "recording_stopped", "segment", "step", "consumable", "waste", "satisfaction"
    ]
    seq: Seq | None = None
    time: Time | None = None
    visit: Text | None = None
    sha256: Digest | None = None
    previous_sha256: Digest | None = None
    duration_s: Amount | None = None
    bytes: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    uri: Annotated[str, Meta(max_length=2_000)] | None = None
    code: Text | None = None
    item: Text | None = None
    quantity: Amount | None = None
    unit: Text | None = None
    score: Annotated[int, Meta(ge=1, le=5)] | None = None


_fix_decoder = msgspec.json.Decoder(_WireFix)
_fixes_decoder = msgspec.json.Decoder(list[_WireFix])
_kind_decoder = msgspec.json.Decoder(_WireKind)
_status_decoder = msgspec.json.Decoder(_WireStatus)
_record_decoder = msgspec.json.Decoder(_WireRecord)


def read(channel: str, payload: bytes, received_ms: int) -> Reading:
    """Read one native payload (a `devices.codecs.Codec`).

    Raises:
        UnreadablePayload: nothing in it can be read; never for an alarm.
    """
    reader = _READERS.get(channel)
    if reader is None:
        raise UnreadablePayload("$", f"no channel {channel[:50]}: expected one of {', '.join(_READERS)}")
    stray = _stray_alarm(payload, received_ms) if channel != "alarm" and b'"kind"' in payload else None
    if stray is None:
        return reader(payload, received_ms)
    with contextlib.suppress(UnreadablePayload):  # that it does not belong there is told already
        stray.reports.extend(reader(payload, received_ms).reports)
    return stray


def _stray_alarm(payload: bytes, received_ms: int) -> Reading | None:
    """Read an alarm that is not on its channel; None: it is none, or not surely one."""
    try:
        is_alarm = _kind_decoder.decode(payload).kind in KINDS
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not is_alarm:
        return None
    reading = read_alarm(payload, received_ms)
    alarm = cast(Alarm, reading.reports[0])
    alarm = msgspec.structs.replace(alarm, doubts=(*alarm.doubts, "channel"))
    misplaced = UnreadablePayload("kind", "an alarm belongs on the alarm channel: it is raised all the same")
    return Reading([alarm], [*reading.faults, misplaced])


def _read_location(payload: bytes, received_ms: int) -> Reading:
    if payload.lstrip()[:1] == b"[":
        return _read_locations(payload, received_ms)
    return Reading([_fix(decode(_fix_decoder, payload), received_ms)], [])


def _read_locations(payload: bytes, received_ms: int) -> Reading:
    try:
        wires = _fixes_decoder.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return _read_each(items_of(payload), received_ms)
    _limit(len(wires))
    return Reading([_fix(wire, received_ms) for wire in wires], [])


def _read_each(items: list[msgspec.Raw], received_ms: int) -> Reading:
    """Read the good ones among `items`; a bad one costs only itself."""
    _limit(len(items))
    reading = Reading([], [])
    for index, item in enumerate(items):
        try:
            reading.reports.append(_fix(decode(_fix_decoder, item), received_ms))
        except UnreadablePayload as fault:
            reading.faults.append(in_list(index, fault))
    return reading


def _limit(count: int) -> None:
    if count == 0:
        raise UnreadablePayload("$", "an empty list of fixes")
    if count > MAX_FIXES:
        raise UnreadablePayload("$", f"{count} fixes in one list: at most {MAX_FIXES} are taken")


def _fix(wire: _WireFix, received_ms: int) -> reports.Fix:
    return reports.Fix(
        time_ms=time_ms_of(wire.time, received_ms),
        seq=wire.seq,
        position=position_of(wire),
        battery_pct=wire.battery_pct,
        motion=str(wire.motion) if wire.motion is not None else None,
    )


def _read_status(payload: bytes, received_ms: int) -> Reading:
    wire = decode(_status_decoder, payload)
    report = reports.StatusReported(
        time_ms=time_ms_of(wire.time, received_ms),
        seq=wire.seq,
        online=None if wire.state is None else wire.state == "online",
        battery_pct=wire.battery_pct if wire.battery_pct is not None else wire.battery,
        signal_dbm=wire.signal_dbm if wire.signal_dbm is not None else wire.signal,
        firmware=wire.firmware,
    )
    return Reading([report], [])


def _read_record(payload: bytes, received_ms: int) -> Reading:
    wire = decode(_record_decoder, payload)
    common: dict[str, Any] = {
        "time_ms": time_ms_of(wire.time, received_ms),
        "seq": wire.seq,
        "visit": wire.visit,
    }
    return Reading([_record(wire, common)], [])


def _record(wire: _WireRecord, common: dict[str, Any]) -> Report:
    match wire.kind:
        case "recording_started":
            return reports.RecordingStarted(**common)
        case "recording_stopped":
            return reports.RecordingStopped(**common)
        case "segment":
            return reports.SegmentRecorded(
                sha256=_given(wire.sha256, "sha256").lower(),
                duration_s=_given(wire.duration_s, "duration_s"),
                size_bytes=_given(wire.bytes, "bytes"),
                uri=_given(wire.uri, "uri"),
                previous_sha256=None if wire.previous_sha256 is None else wire.previous_sha256.lower(),
                **common,
            )
        case "step":
            return reports.StepDone(code=_given(wire.code, "code"), **common)
        case "satisfaction":
            return reports.SatisfactionGiven(score=_given(wire.score, "score"), **common)
        case material:
            return reports.MaterialUsed(
                material=material,
                item=_given(wire.item, "item"),
                quantity=_given(wire.quantity, "quantity"),
                unit=_given(wire.unit, "unit"),
                **common,
            )


def _given(value: T | None, field: str) -> T:
    if value is None:
        raise UnreadablePayload(field, "missing")
    return value


_READERS: dict[str, Callable[[bytes, int], Reading]] = {
    "location": _read_location,
    "alarm": read_alarm,
    "event": read_event,
    "status": _read_status,
    "record": _read_record,
}
