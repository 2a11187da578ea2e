"""Native alarms: read strictly where that works, and salvaged piece by piece where it does not.

Whatever arrives on a known device's alarm topic is an alarm: what cannot be read is marked as doubtful,
and an alarm whose kind cannot be read is a panic.
"""

import msgspec

from devices import reports
from devices.codecs import Reading
from devices.codecs.native_pieces import Pieces
from devices.codecs.native_wire import (
    Name,
    Seq,
    Time,
    battery_of,
    in_list,
    items_of,
    name_of,
    position_of,
    time_ms_of,
)
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase

_KINDS: dict[str, type[AlarmBase]] = {
    "panic": reports.PanicPressed,
    "duress": reports.DuressSignalled,
    "fall": reports.FallDetected,
    "no_motion": reports.NoMotionDetected,
    "tamper": reports.TamperDetected,
}
_PIECES = Pieces(
    {
        "kind": msgspec.json.Decoder(str),
        "id": msgspec.json.Decoder(Name | int | None),
        "seq": msgspec.json.Decoder(Seq | None),
        "time": msgspec.json.Decoder(Time | None),
        "test": msgspec.json.Decoder(bool | None),
        "silent": msgspec.json.Decoder(bool | None),
    }
)
KINDS = frozenset(_KINDS)
MAX_ALARMS = 100
"""Of one list: one message must not raise thousands of alerts."""


def read_alarm(payload: bytes, received_ms: int) -> Reading:
    """Read one native alarm, or each of a list; never raises, and always returns an alarm first.

    No device should send a list, but a panic may stand behind a fall in it. What has no kind there is none,
    unless nothing in the list has one.
    """
    reading = Reading([], [])
    for index, item in enumerate(_listed(payload)):
        if index == MAX_ALARMS:
            reading.faults.append(UnreadablePayload("$", f"at most {MAX_ALARMS} alarms of a list are taken"))
            break
        if not item.startswith(b"{"):
            reading.faults.append(UnreadablePayload(f"[{index}]", "expected an object"))
            continue
        one = _read_one(item, received_ms)
        if not any(fault.field in ("kind", "$") for fault in one.faults):
            reading.reports.extend(one.reports)
        reading.faults.extend(in_list(index, fault) for fault in one.faults)
    return reading if reading.reports else _read_one(payload, received_ms)


def _listed(payload: bytes) -> list[bytes]:
    if payload.lstrip()[:1] != b"[":
        return []
    try:
        return [bytes(item) for item in items_of(payload)]
    except UnreadablePayload:
        return []


def _read_one(payload: bytes, received_ms: int) -> Reading:
    faults: list[UnreadablePayload] = []
    values, place = _PIECES.read(payload, faults)
    kind = _KINDS.get(values["kind"] or "")
    if kind is None:
        kind = reports.PanicPressed
        if not any(fault.field in ("kind", "$") for fault in faults):
            faults.append(UnreadablePayload("kind", f"expected one of {', '.join(_KINDS)}"))
    time_ms = time_ms_of(values["time"], received_ms)
    report = kind(
        time_ms=time_ms,
        seq=values["seq"],
        alarm=name_of(values["id"]),
        position=None if place is None else position_of(place),
        # A doubtful `test` must not keep a real alarm from people: only a readable true counts.
        test=values["test"] is True,
        silent=values["silent"] is True,
        doubts=tuple(fault.field for fault in faults),
    )
    return Reading([report, *battery_of(place, time_ms)], faults)  # type: ignore[list-item]  # one of the union
