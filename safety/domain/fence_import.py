"""Fence import: GeoJSON (RFC 7946) to fences, all of them or none.

A fault is told with its place: feature, polygon (of a MultiPolygon), ring and vertex, all counted from 0.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal, cast, get_args

import msgspec
import shapely
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry

from devices.datum import to_wgs84
from devices.reports import Datum
from safety.domain import checks
from safety.errors import InvalidInput

Mode = Literal["stay_in", "keep_out"]
MODES: tuple[str, ...] = get_args(Mode)

_LONGEST_BYTES = 20_000_000
# A tenth of a millimetre: what is finer is noise, and breaks the arithmetic of very small shapes.
_DECIMALS = 9
_WGS84_CRS = ("CRS84", "4326")
# GCJ-02 is defined in China only; this is the box of its published conversion.
_GCJ02_LAT, _GCJ02_LON = (0.8293, 55.8271), (72.004, 137.8347)

Vertex = tuple[float, float]
Json = Mapping[str, Any]


class FenceDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A fence that was read: GeoJSON geometry (Polygon, MultiPolygon, Point) in WGS-84."""

    name: str
    mode: Mode
    geometry: dict[str, Any]
    radius_m: float | None = None


def parse_fences(
    text: bytes,
    *,
    mode: Mode | None = None,
    datum: Datum = "wgs84",
    radius_m: float | None = None,
    name: str = "fence",
) -> list[FenceDraft]:
    """Return the fences that a GeoJSON file holds: a FeatureCollection, a Feature or a bare geometry.

    `mode` and `radius_m` count for all of them; where they are None the feature's own properties `mode`
    and `radius_m` do, and then `stay_in`. `datum` is the one of the file's coordinates; `name` is for
    features without one.

    Raises:
        InvalidInput: the file, or one fence in it, cannot be used; says which and why.
    """
    drafts = []
    for index, feature in enumerate(_features(_decode(text))):
        try:
            drafts.append(_draft(feature, mode, datum, radius_m, f"{name} {index}"))
        except InvalidInput as error:
            raise InvalidInput(f"feature {index}, {error}") from error
    return drafts


def _decode(text: bytes) -> Json:
    if len(text) > _LONGEST_BYTES:
        raise InvalidInput(f"the file has {len(text)} bytes: expected at most {_LONGEST_BYTES}")
    try:
        document = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"the file is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidInput("the file is not GeoJSON: expected an object")
    _check_crs(document.get("crs"))
    return document


def _check_crs(crs: object) -> None:
    # RFC 7946 has no `crs` any more, but files in other systems still carry it.
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if isinstance(name, str) and not name.endswith(_WGS84_CRS):
        raise InvalidInput(f"the coordinates are in {name[:80]!r}: expected degrees WGS 84 (EPSG:4326)")


def _features(document: Json) -> list[Json]:
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list) or not features:
            raise InvalidInput("the file holds no features: expected a list under `features`")
        return cast("list[Json]", features)
    if kind == "Feature":
        return [document]
    return [{"type": "Feature", "properties": {}, "geometry": document}]


def _draft(feature: object, mode: Mode | None, datum: Datum, radius_m: float | None, name: str) -> FenceDraft:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise InvalidInput("type: expected a Feature")
    properties = feature.get("properties") or {}
    geometry = feature.get("geometry")
    if not isinstance(properties, dict) or not isinstance(geometry, dict):
        raise InvalidInput("properties and geometry: expected objects")
    given = properties.get("name")
    shown = given if isinstance(given, str) and given.strip() else name
    chosen = mode or properties.get("mode") or "stay_in"
    if chosen not in MODES:
        raise InvalidInput(f"properties.mode: {str(chosen)[:40]!r} is unknown, expected stay_in or keep_out")
    shape_ = _geometry(geometry, datum)
    return FenceDraft(
        name=checks.text(shown, "properties.name"),
        mode=cast("Mode", chosen),
        geometry=shape_,
        radius_m=_radius_m(properties, radius_m) if shape_["type"] == "Point" else None,
    )


def _radius_m(properties: Json, radius_m: float | None) -> float:
    value = radius_m if radius_m is not None else properties.get("radius_m")
    if value is None:
        raise InvalidInput("a Point has no radius: expected properties.radius_m or --radius-m")
    number = _number(value)
    if number is None:
        raise InvalidInput(f"properties.radius_m: {str(value)[:40]!r} is not a number of metres")
    return checks.radius_m(number)


def _geometry(geometry: Json, datum: Datum) -> dict[str, Any]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point":
        return {"type": "Point", "coordinates": list(_vertex(coordinates, datum, "point"))}
    if kind == "Polygon":
        return {"type": "Polygon", "coordinates": _polygon(coordinates, datum, "")}
    if kind == "MultiPolygon":
        return _multi_polygon(coordinates, datum)
    raise InvalidInput(
        f"geometry: {str(kind)[:40]!r} cannot be a fence, expected Polygon, MultiPolygon or Point"
    )


def _multi_polygon(coordinates: object, datum: Datum) -> dict[str, Any]:
    polygons = [
        _polygon(polygon, datum, f"polygon {index}, ")
        for index, polygon in enumerate(_list(coordinates, "geometry: expected a list of polygons"))
    ]
    whole = {"type": "MultiPolygon", "coordinates": polygons}
    if not shape(whole).is_valid:
        reason = shapely.is_valid_reason(shape(whole))
        raise InvalidInput(f"the polygons overlap or touch along an edge: {reason}")
    return whole


def _polygon(coordinates: object, datum: Datum, where: str) -> list[list[list[float]]]:
    rings = [
        _ring(ring, datum, f"{where}ring {index}")
        for index, ring in enumerate(_list(coordinates, f"{where}geometry: expected a list of rings"))
    ]
    polygon = shape({"type": "Polygon", "coordinates": rings})
    if not polygon.is_valid:
        # Each ring is simple by now: what is left is between them.
        raise InvalidInput(
            f"{where}its rings cross or lie outside the first: {shapely.is_valid_reason(polygon)}"
        )
    return [[list(vertex) for vertex in ring] for ring in rings]


def _ring(ring: object, datum: Datum, where: str) -> list[Vertex]:
    vertices = [
        _vertex(vertex, datum, f"{where}, vertex {index}")
        for index, vertex in enumerate(_list(ring, f"{where}: expected a list of positions"))
    ]
    if len(set(vertices)) < 3:
        raise InvalidInput(f"{where}: has {len(set(vertices))} different points, expected at least 3")
    if vertices[0] != vertices[-1]:
        last = len(vertices) - 1
        raise InvalidInput(
            f"{where}, vertex {last}: the ring is not closed, expected the first position again"
        )
    closed = shape({"type": "Polygon", "coordinates": [vertices]})
    if not closed.is_valid:
        raise InvalidInput(f"{where}, {_crossing(closed, vertices)}")
    if closed.area == 0:
        raise InvalidInput(f"{where}: the ring encloses nothing")
    return vertices


def _crossing(polygon: BaseGeometry, vertices: list[Vertex]) -> str:
    """Name the vertex before the place where an invalid ring meets itself."""
    reason = shapely.is_valid_reason(polygon)
    what, _, place = reason.partition("[")
    try:
        lon, lat = (float(number) for number in place.rstrip("]").split())
    except ValueError:
        return str(reason).lower()
    edges = shapely.linestrings([[a, b] for a, b in pairwise(vertices)])
    nearest = int(shapely.distance(edges, Point(lon, lat)).argmin())
    return f"vertex {nearest}: {what.lower()} after it, at [{lon:.6f}, {lat:.6f}]"


def _vertex(position: object, datum: Datum, where: str) -> Vertex:
    """Return (lon, lat) in WGS-84: GeoJSON's order."""
    if not isinstance(position, list) or len(position) < 2:
        raise InvalidInput(f"{where}: expected [lon, lat]")
    lon, lat = _number(position[0]), _number(position[1])
    if lon is None or lat is None:
        raise InvalidInput(f"{where}: expected [lon, lat] as finite numbers of degrees")
    _check_place(lat, lon, datum, where)
    lat, lon = to_wgs84(lat, lon, datum)
    return round(lon, _DECIMALS), round(lat, _DECIMALS)


def _check_place(lat: float, lon: float, datum: Datum, where: str) -> None:
    if _on_earth(lat, lon) and (datum == "wgs84" or _in_china(lat, lon)):
        return
    swapped = _on_earth(lon, lat) and (datum == "wgs84" or _in_china(lon, lat))
    remedy = "lat and lon look swapped" if swapped else f"expected a place {_expected(datum)}"
    raise InvalidInput(f"{where}: [{lon:g}, {lat:g}] cannot be [lon, lat]: {remedy}")


def _expected(datum: Datum) -> str:
    return "on earth" if datum == "wgs84" else f"in China, where {datum} is defined"


def _on_earth(lat: float, lon: float) -> bool:
    return -90 <= lat <= 90 and -180 <= lon <= 180


def _in_china(lat: float, lon: float) -> bool:
    return _GCJ02_LAT[0] <= lat <= _GCJ02_LAT[1] and _GCJ02_LON[0] <= lon <= _GCJ02_LON[1]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _list(value: object, otherwise: str) -> list[object]:
    if not isinstance(value, list) or not value:
        raise InvalidInput(otherwise)
    return value
