"""Native events: what she did during a visit. What can be read of one counts, her PIN above all.

A PIN may be the one that says that she is under duress, so an event that has nothing else readable is kept.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from devices import reports
from devices.codecs import Reading
from devices.codecs.native_pieces import Pieces, place_of
from devices.codecs.native_wire import (
    Name,
    Seq,
    Text,
    Time,
    battery_of,
    decode,
    name_of,
    position_of,
    time_ms_of,
)
from devices.errors import UnreadablePayload
from devices.reports import Event, Position


class WireEvent(msgspec.Struct):
    """An event as it stands on the wire."""

    kind: Literal["check_in", "visit_start", "visit_end", "arrive", "leave", "cancel_alarm"]
    seq: Seq | None = None
    time: Time | None = None
    visit: Text | None = None
    pin: Text | int | None = None
    alarm: Name | int | None = None
    extend_s: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    fix: msgspec.Raw = msgspec.Raw(b"null")


_decoder = msgspec.json.Decoder(WireEvent)
_PIECES = Pieces(
    {
        field.encode_name: msgspec.json.Decoder(field.type)
        for field in msgspec.structs.fields(WireEvent)
        if field.encode_name != "fix"
    }
)
_KINDS: dict[str, type[Any]] = {
    "check_in": reports.CheckedIn,
    "visit_start": reports.VisitStarted,
    "visit_end": reports.VisitEnded,
    "arrive": reports.Arrived,
    "leave": reports.Left,
    "cancel_alarm": reports.AlarmCancelled,
}


def read_event(payload: bytes, received_ms: int) -> Reading:
    """Read one native event.

    Raises:
        UnreadablePayload: neither what she did nor a PIN can be read.
    """
    faults: list[UnreadablePayload] = []
    try:
        wire = decode(_decoder, payload)
    except UnreadablePayload as fault:
        values, place = _PIECES.read(payload, faults)
        if _is_unclear(values["kind"], faults):
            values["kind"] = None
            if values["pin"] is None:
                raise fault from None
            faults = faults or [fault]
    else:
        values, place = msgspec.structs.asdict(wire), place_of(wire.fix, faults)
    event = _event(values, None if place is None else position_of(place), received_ms)
    return Reading([event, *battery_of(place, event.time_ms)], faults)


def _is_unclear(kind: str | None, faults: list[UnreadablePayload]) -> bool:
    """Tell whether nobody knows what she did, or which alarm or visit she meant by it."""
    at_fault = {fault.field for fault in faults}
    if kind is None or "$" in at_fault:
        return True
    return ("alarm" if kind == "cancel_alarm" else "visit") in at_fault and kind != "check_in"


def _event(values: dict[str, Any], position: Position | None, received_ms: int) -> Event:
    kind = _KINDS.get(values["kind"] or "", reports.PinGiven)
    more: dict[str, Any] = {}
    if kind is reports.AlarmCancelled:
        more["alarm"] = name_of(values["alarm"])
    if kind is reports.CheckedIn:
        more["extend_s"] = values["extend_s"]
    event: Event = kind(
        time_ms=time_ms_of(values["time"], received_ms),
        seq=values["seq"],
        visit=values["visit"],
        pin=None if values["pin"] is None else str(values["pin"]),
        position=position,
        **more,
    )
    return event
