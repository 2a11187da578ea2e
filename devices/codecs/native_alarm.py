"""Native alarms: read strictly where that works, and salvaged piece by piece where it does not.

Whatever arrives on a known device's alarm topic is an alarm: what cannot be read is marked as doubtful,
and an alarm whose kind cannot be read is a panic.
"""

import re
from typing import Any

import msgspec

from devices import reports
from devices.codecs import Reading
from devices.codecs.native_wire import Seq, Text, Time, decode, name_of, read_position, time_ms_of
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase, Position

_KINDS: dict[str, type[AlarmBase]] = {
    "panic": reports.PanicPressed,
    "duress": reports.DuressSignalled,
    "fall": reports.FallDetected,
    "no_motion": reports.NoMotionDetected,
    "tamper": reports.TamperDetected,
}
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "kind": msgspec.json.Decoder(str),
    "id": msgspec.json.Decoder(Text | int | None),
    "seq": msgspec.json.Decoder(Seq | None),
    "time": msgspec.json.Decoder(Time | None),
    "test": msgspec.json.Decoder(bool | None),
    "silent": msgspec.json.Decoder(bool | None),
}
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VALUE = re.compile(
    rb'"(kind|id|seq|time|test|silent)"\s*:\s*("[^"\\]*"|-?\d+(?![\d.eE])(?=[\s,}])|true|false)'
)
_FIX = re.compile(rb'"fix"\s*:\s*(\{[^{}]*\})')


def read_alarm(payload: bytes, received_ms: int) -> Reading:
    """Read one native alarm; never raises, and always returns exactly one report."""
    faults: list[UnreadablePayload] = []
    fields = _fields(payload, faults)
    values = {name: _value(fields, name, faults) for name in _DECODERS}
    position = _position(fields, faults)
    kind = _KINDS.get(values["kind"] or "")
    if kind is None:
        kind = reports.PanicPressed
        if not any(fault.field == "kind" for fault in faults):
            faults.append(UnreadablePayload("kind", f"expected one of {', '.join(_KINDS)}"))
    report = kind(
        time_ms=time_ms_of(values["time"], received_ms),
        seq=values["seq"],
        alarm=name_of(values["id"]),
        position=position,
        # A doubtful `test` must not keep a real alarm from people: only a readable true counts.
        test=values["test"] is True,
        silent=values["silent"] is True,
        doubts=tuple(fault.field for fault in faults),
    )
    return Reading([report], faults)  # type: ignore[list-item]  # every kind is one of the union


def _fields(payload: bytes, faults: list[UnreadablePayload]) -> dict[str, bytes]:
    try:
        return {name: bytes(raw) for name, raw in decode(_object_decoder, payload).items()}
    except UnreadablePayload as fault:
        faults.append(fault)
        return _salvage(payload)


def _salvage(payload: bytes) -> dict[str, bytes]:
    """Pick what can still be recognised out of broken JSON; the first of each name counts."""
    fields: dict[str, bytes] = {}
    fix = _FIX.search(payload)
    if fix is not None:
        fields["fix"] = fix.group(1)
        payload = payload[: fix.start()] + payload[fix.end() :]
    for match in _VALUE.finditer(payload):
        fields.setdefault(match.group(1).decode(), match.group(2))
    return fields


def _value(fields: dict[str, bytes], name: str, faults: list[UnreadablePayload]) -> Any:
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return decode(_DECODERS[name], raw)
    except UnreadablePayload as fault:
        faults.append(UnreadablePayload(name, fault.reason))
        return None


def _position(fields: dict[str, bytes], faults: list[UnreadablePayload]) -> Position | None:
    raw = fields.get("fix")
    if raw is None or raw == b"null":
        return None
    try:
        return read_position(raw, "fix")
    except UnreadablePayload as fault:
        faults.append(fault)
        return None
