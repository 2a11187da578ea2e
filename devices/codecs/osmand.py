"""OsmAnd: what Traccar Client and the OsmAnd app send by HTTP; `channel` is `query` or `json`.

`query`: the parameters of the OsmAnd protocol (speed in knots, battery in percent). `json`: the body of
Traccar Client from 9.0 on (speed in metres a second, battery from 0 to 1). Who sends it is not read here.
"""

import re
from typing import Any
from urllib.parse import parse_qsl

from devices import reports
from devices.codecs import Reading
from devices.codecs.alarm_words import meant, strongest
from devices.codecs.lenient import KNOT_MPS, Fields, read_objects, salvage
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase, Position, Report

_TIME = ("timestamp", "time")
_LOST_PLUS = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S*) (\d\d:?\d\d)")
"""A time with an offset whose plus nobody escaped: it arrives as a blank."""
_LAT, _LON = ("lat", "latitude"), ("lon", "lng", "longitude")
_MOST_PARAMETERS = 200


def read(channel: str, payload: bytes, received_ms: int) -> Reading:
    """Read one request (a `devices.codecs.Codec`).

    Raises:
        UnreadablePayload: nothing in it can be read; never for an alarm that can be recognised.
    """
    if channel == "json" or (channel != "query" and payload.lstrip()[:1] in {b"{", b"["}):
        return _read_json(payload, received_ms)
    return _read_query(payload, received_ms)


def _read_query(payload: bytes, received_ms: int) -> Reading:
    values: dict[str, Any] = {}
    try:
        pairs = parse_qsl(payload.decode(errors="replace"), max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise UnreadablePayload("$", f"more than {_MOST_PARAMETERS} parameters") from error
    for name, value in pairs:
        values.setdefault(name.lower(), _LOST_PLUS.sub(r"\1+\2", value))
    if not values:
        raise UnreadablePayload("$", "no parameters")
    fields = Fields(values, [])
    both = fields.text("location")
    if both is not None and both.count(",") == 1:
        values.setdefault("lat", both.split(",")[0])
        values.setdefault("lon", both.split(",")[1])
    time_ms = fields.time_ms(*_TIME)
    speed_kn = fields.number("speed", low=0, high=1e5)
    position = None
    if fields.flag("valid") is not False:
        position = fields.place(
            fields.degrees(_LAT, _LON),
            time_ms=time_ms,
            accuracy_m=fields.number("accuracy", low=0, high=1e8, none=(-1.0, 0.0)),
            altitude_m=fields.number("altitude", low=-1e5, high=1e6, none=()),
            speed_mps=None if speed_kn is None else speed_kn * KNOT_MPS,
            heading_deg=fields.number("bearing", "heading", low=0, high=360),
        )
    # Where nothing is known the app sends zeros; a phone of which that is true says nothing any more.
    battery_pct = fields.number("batt", "battery", low=0, high=100, none=(-1.0, 0.0))
    return _reading(fields, [fields], received_ms, position, battery_pct, None)


def _read_json(payload: bytes, received_ms: int) -> Reading:
    faults: list[UnreadablePayload] = []
    try:
        items = read_objects(payload, faults)
    except UnreadablePayload as fault:
        fields = Fields(salvage(payload), [fault])
        if _alarm_kind([fields]) is None:
            raise
        at = fields.degrees(_LAT, _LON)
        return _reading(fields, [fields], received_ms, fields.place(at), None, None)
    reading = Reading([], faults)
    for item in items:
        root = Fields(item, reading.faults)
        places = root.values.get("location")
        for place in places if isinstance(places, list) else [places]:
            one = _read_location(Fields({**root.values, "location": place}, reading.faults), received_ms)
            reading.reports.extend(one.reports)
    return reading


def _read_location(root: Fields, received_ms: int) -> Reading:
    location = root.inside("location")
    coords = location.inside("coords")
    battery = location.inside("battery")
    timed = location if "timestamp" in location.values else root
    position = coords.place(
        coords.degrees(("latitude", "lat"), ("longitude", "lon")),
        time_ms=timed.time_ms(*_TIME),
        accuracy_m=coords.number("accuracy", low=0, high=1e8, none=(-1.0, 0.0)),
        altitude_m=coords.number("altitude", low=-1e5, high=1e6, none=()),
        speed_mps=coords.number("speed", low=0, high=1e5),
        heading_deg=coords.number("heading", low=0, high=360),
    )
    level = battery.number("level", low=0, high=100)
    battery_pct = None if level is None else level * 100 if level <= 1 else level
    motion = location.inside("activity").text("type")
    extras = [location.inside("extras"), root.inside("extras")]
    return _reading(timed, [root, location, *extras], received_ms, position, battery_pct, motion)


def _reading(
    timed: Fields,
    places: list[Fields],
    received_ms: int,
    position: Position | None,
    battery_pct: float | None,
    motion: str | None,
) -> Reading:
    kind = _alarm_kind(places)
    time_ms = timed.time_ms(*_TIME)
    at_ms = received_ms if time_ms is None else time_ms
    said: list[Report] = []
    if kind is not None:
        test = any(place.flag("test") is True for place in places)
        alarm = kind(time_ms=at_ms, position=position, test=test, doubts=timed.doubts)
        said.append(alarm)  # type: ignore[arg-type]  # every kind is one of the union
        if battery_pct is not None:
            said.append(reports.StatusReported(time_ms=at_ms, online=True, battery_pct=battery_pct))
    elif timed.has_bad_time(*_TIME):
        pass
    elif position is not None:
        said.append(reports.Fix(time_ms=at_ms, position=position, battery_pct=battery_pct, motion=motion))
    else:
        said.append(reports.StatusReported(time_ms=at_ms, online=True, battery_pct=battery_pct))
    return Reading(said, timed.faults)


def _alarm_kind(places: list[Fields]) -> type[AlarmBase] | None:
    events = [place.values.get("event") for place in places]
    words = [meant(event) for event in events if isinstance(event, str)]
    return strongest([*(place.alarm("alarm") for place in places), *words])
