"""What native messages share on the wire: number ranges, times, positions, and faults with their field."""

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from devices import reports
from devices.datum import to_wgs84
from devices.errors import UnreadablePayload
from devices.reports import Position

T = TypeVar("T")

_LATEST_MS = 253_402_300_799_999  # the end of the year 9999

Seq = Annotated[int, Meta(ge=0, le=2**53)]
EpochMs = Annotated[int, Meta(ge=0, le=_LATEST_MS)]
Time = EpochMs | Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=200)]
Name = Annotated[str, Meta(max_length=1_000)]
"""What a device calls an alarm of its own."""
Percent = Annotated[float, Meta(ge=0, le=100)]
Amount = Annotated[float, Meta(ge=0, le=1e12)]


class WirePosition(msgspec.Struct):
    """A `fix` inside another message, as it stands on the wire."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, Meta(ge=0, le=1e8)] | None = None
    time: Time | None = None
    datum: reports.Datum | None = None
    altitude_m: Annotated[float, Meta(ge=-1e5, le=1e6)] | None = None
    speed_mps: Annotated[float, Meta(ge=0, le=1e5)] | None = None
    heading_deg: Annotated[float, Meta(ge=0, le=360)] | None = None
    battery_pct: Percent | None = None
    motion: Text | bool | None = None


_position_decoder = msgspec.json.Decoder(WirePosition)
_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def decode(decoder: msgspec.json.Decoder[T], payload: bytes | msgspec.Raw) -> T:
    """Decode `payload`, naming the field at fault.

    Raises:
        UnreadablePayload: it does not fit.
    """
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        field = path.rstrip("`").removeprefix("$").removeprefix(".") or "$"
        if " missing required field " in reason:
            missing = reason.rsplit("`", 2)[1]
            field = missing if field == "$" else f"{field}.{missing}"
        raise UnreadablePayload(field, _lower(reason)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise UnreadablePayload("$", _lower(str(error))) from error


def items_of(payload: bytes) -> list[msgspec.Raw]:
    """Return the items of a JSON list, each as it stands there.

    Raises:
        UnreadablePayload: it is none.
    """
    return decode(_list_decoder, payload)


def in_list(index: int, fault: UnreadablePayload) -> UnreadablePayload:
    """Return the fault of an item as one of the list."""
    path = f"[{index}]" if fault.field == "$" else f"[{index}].{fault.field}"
    return UnreadablePayload(path, fault.reason)


def name_of(given: str | int | None) -> str | None:
    """Return an alarm's name; a blank one is none, for every alarm of that device would bear it."""
    name = "" if given is None else str(given)
    return name if name.strip() else None


def time_ms_of(time: int | datetime | None, received_ms: int) -> int:
    """Return the epoch milliseconds of a wire time; what has none happened when it was received."""
    if time is None:
        return received_ms
    if isinstance(time, int):
        return time
    return round(time.timestamp() * 1000)


def read_position(payload: bytes | msgspec.Raw, field: str) -> WirePosition:
    """Read a `fix` that stands inside another message at `field`.

    Raises:
        UnreadablePayload: it does not fit; the path begins with `field`.
    """
    try:
        return decode(_position_decoder, payload)
    except UnreadablePayload as fault:
        path = field if fault.field == "$" else f"{field}.{fault.field}"
        raise UnreadablePayload(path, fault.reason) from fault


def battery_of(wire: WirePosition | None, time_ms: int) -> list[reports.Report]:
    """Return what a `fix` inside a message of `time_ms` says of the device's charge: a report of its own."""
    if wire is None or wire.battery_pct is None:
        return []
    at_ms = time_ms_of(wire.time, time_ms)
    return [reports.StatusReported(time_ms=at_ms, battery_pct=wire.battery_pct)]


def position_of(wire: WirePosition) -> Position:
    lat, lon = wire.lat, wire.lon
    original: tuple[float | None, float | None] = (None, None)
    datum = wire.datum or "wgs84"
    if datum != "wgs84":
        original = (lat, lon)
        lat, lon = to_wgs84(lat, lon, datum)
    return Position(
        lat=lat,
        lon=lon,
        accuracy_m=wire.accuracy_m,
        time_ms=None if wire.time is None else time_ms_of(wire.time, 0),
        altitude_m=wire.altitude_m,
        speed_mps=wire.speed_mps,
        heading_deg=wire.heading_deg,
        datum=datum,
        original_lat=original[0],
        original_lon=original[1],
    )


def _lower(text: str) -> str:
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
