"""Track files: GPX, GeoJSON and CSV recordings of real phones, read into readings in the order of time.

A file is refused as a whole, with the place of the fault, when one of its points cannot be read. XML with
a document type is refused: a track needs none, and entities are how XML files harm their readers.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from xml.parsers import expat

import msgspec

from devices.rfc3339 import parse_rfc3339
from safety.bench.recording import Reading
from safety.domain import checks
from safety.errors import InvalidInput

LONGEST_BYTES = 50_000_000
MOST_POINTS = 500_000
FORMATS = (".gpx", ".geojson", ".json", ".csv")

_EPOCH_MS_FROM = 100_000_000_000  # as seconds, the year 5138
_LATEST_MS = 4_102_444_800_000  # the year 2100
_TIMES = ("time", "timestamp", "time_ms", "date")
_RECEIVED = ("received_at", "received", "received_ms")
_LATS = ("lat", "latitude")
_LONS = ("lon", "lng", "longitude")
_ACCURACIES = ("accuracy_m", "accuracy", "acc", "horizontal_accuracy")

Point = Mapping[str, Any]
"""One point by the names above, as text or numbers."""


def read_track(path: Path) -> tuple[Reading, ...]:
    """Return the readings in a file: .gpx, .geojson, .json or .csv. Points of the same moment count once.

    A point needs a time (RFC 3339 with offset, or epoch seconds or milliseconds), latitude and longitude in
    degrees WGS-84; accuracy in metres and the time of receipt may be missing.

    Raises:
        InvalidInput: the file cannot be used; says where and why.
        OSError: it cannot be read.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise InvalidInput(f"{path.name}: expected a track as .gpx, .geojson or .csv")
    if path.stat().st_size > LONGEST_BYTES:
        raise InvalidInput(f"{path.name}: is longer than {LONGEST_BYTES} bytes")
    try:
        return parse_track(path.read_bytes(), kind)
    except InvalidInput as error:
        raise InvalidInput(f"{path.name}: {error}") from error


def parse_track(text: bytes, kind: str) -> tuple[Reading, ...]:
    """Return the readings in `text`, a file of that ending.

    Raises:
        InvalidInput: it cannot be used; says where and why.
    """
    points = {".gpx": _gpx, ".csv": _csv}.get(kind, _geojson)(text)
    by_time: dict[int, Reading] = {}
    for count, (where, point) in enumerate(points):
        if count >= MOST_POINTS:
            raise InvalidInput(f"has more than {MOST_POINTS} points")
        reading = _reading(point, where)
        by_time.setdefault(reading.time_ms, reading)
    if len(by_time) < 2:
        raise InvalidInput(f"holds {len(by_time)} timed points: expected at least 2")
    return tuple(sorted(by_time.values(), key=lambda reading: (reading.received_ms, reading.time_ms)))


def moment_ms(value: object, what: str) -> int:
    """Return a time in epoch milliseconds: RFC 3339 with offset, or a number of seconds or milliseconds.

    Raises:
        InvalidInput: it is none.
    """
    number = _number(value)
    try:
        if number is not None:
            at_ms = round(number if number >= _EPOCH_MS_FROM else number * 1_000)
        else:
            at_ms = parse_rfc3339(str(value).strip())
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{what}: {str(value)[:40]!r} is no time with an offset") from error
    if not 0 <= at_ms <= _LATEST_MS:
        raise InvalidInput(f"{what}: {str(value)[:40]!r} is no time between 1970 and 2100")
    return at_ms


def _reading(point: Point, where: str) -> Reading:
    time_ms = moment_ms(_first(point, _TIMES), f"{where}, time")
    received = _first(point, _RECEIVED)
    lat, lon = (
        _needed(_first(point, names), f"{where}, {what}") for names, what in ((_LATS, "lat"), (_LONS, "lon"))
    )
    try:
        checks.place(lat, lon)
    except InvalidInput as error:
        raise InvalidInput(f"{where}, {error}") from error
    accuracy_m = _number(_first(point, _ACCURACIES))
    return Reading(
        time_ms=time_ms,
        received_ms=time_ms if received is None else moment_ms(received, f"{where}, received"),
        lat=lat,
        lon=lon,
        accuracy_m=accuracy_m if accuracy_m is not None and accuracy_m >= 0 else None,
    )


def _first(point: Point, names: Iterable[str]) -> object:
    return next((point[name] for name in names if point.get(name) not in (None, "")), None)


def _needed(value: object, what: str) -> float:
    number = _number(value)
    if number is None:
        raise InvalidInput(
            f"{what}: {'missing' if value is None else repr(str(value)[:40])}, expected degrees"
        )
    return number


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _csv(text: bytes) -> Iterator[tuple[str, Point]]:
    try:
        lines = io.StringIO(text.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"is not UTF-8 at byte {error.start}") from error
    rows = csv.reader(lines, strict=True)
    try:
        head = [name.strip().lower() for name in next(rows, [])]
        missing = [names[0] for names in (_TIMES, _LATS, _LONS) if not set(names) & set(head)]
        if missing:
            raise InvalidInput(f"line 1: has no column {' or '.join(missing)}")
        for cells in rows:
            if cells:
                yield f"line {rows.line_num}", dict(zip(head, cells, strict=False))
    except csv.Error as error:
        raise InvalidInput(f"line {rows.line_num}: {error}") from error


def _geojson(text: bytes) -> Iterator[tuple[str, Point]]:
    try:
        document = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"is not JSON: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if features is None:
        features = [document]
    if not isinstance(features, list):
        raise InvalidInput("is not GeoJSON: expected a list under `features`")
    for index, feature in enumerate(features):
        yield from _feature(feature, f"feature {index}")


def _feature(feature: object, where: str) -> Iterator[tuple[str, Point]]:
    if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
        raise InvalidInput(f"{where}: expected a Feature with a geometry")
    properties = feature.get("properties") if isinstance(feature.get("properties"), dict) else {}
    properties = cast("dict[str, Any]", properties)
    geometry = feature["geometry"]
    coordinates = geometry.get("coordinates")
    if geometry.get("type") == "Point":
        yield where, {**properties, **_lon_lat(coordinates, where)}
        return
    if geometry.get("type") != "LineString" or not isinstance(coordinates, list):
        raise InvalidInput(f"{where}: expected a Point with `time`, or a LineString with `coordTimes`")
    held = properties.get("coordinateProperties")  # as togeojson writes them
    times = held.get("times") if isinstance(held, dict) else properties.get("coordTimes")
    if not isinstance(times, list) or len(times) != len(coordinates):
        raise InvalidInput(f"{where}: expected as many `coordTimes` as coordinates")
    for index, (position, at) in enumerate(zip(coordinates, times, strict=True)):
        yield f"{where}, vertex {index}", {"time": at, **_lon_lat(position, f"{where}, vertex {index}")}


def _lon_lat(position: object, where: str) -> Point:
    if not isinstance(position, list) or len(position) < 2:
        raise InvalidInput(f"{where}: expected [lon, lat]")
    return {"lon": position[0], "lat": position[1]}


def _gpx(text: bytes) -> list[tuple[str, Point]]:
    reader = _GpxReader()
    try:
        reader.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise InvalidInput(f"is not XML: {error}") from error
    except (LookupError, ValueError) as error:  # an encoding that is unknown, or of several bytes
        raise InvalidInput(f"is not XML: {error}") from error
    return reader.points


class _GpxReader:
    """Collects the track points (`trkpt`) of a GPX file, and of each its `time` and an `accuracy`."""

    def __init__(self) -> None:
        self.points: list[tuple[str, Point]] = []
        self._point: dict[str, Any] | None = None
        self._text: list[str] = []
        # Names without their name space: GPX has two versions, and extensions have any.
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append

    def _refuse(self, *_declared: object) -> None:
        raise InvalidInput(f"line {self.parser.CurrentLineNumber}: has a document type, a track needs none")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._text.clear()
        if _local(name) == "trkpt":
            self._point = {key: attributes.get(key) for key in ("lat", "lon")}
            self.points.append((f"line {self.parser.CurrentLineNumber}", self._point))
            if len(self.points) > MOST_POINTS:
                raise InvalidInput(f"has more than {MOST_POINTS} points")

    def _end(self, name: str) -> None:
        local = _local(name)
        if local == "trkpt":
            self._point = None
        elif self._point is not None and local in ("time", *_ACCURACIES):
            self._point[local] = "".join(self._text).strip()
        self._text.clear()


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
