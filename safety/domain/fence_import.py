"""Fence import: GeoJSON (RFC 7946) to fences, all of them or none.

A fault is told with its place: feature, polygon (of a MultiPolygon), ring and vertex, all counted from 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast, get_args

import msgspec
from shapely.geometry import shape

from devices.reports import Datum
from safety.domain import checks
from safety.domain.fence_geometry import GeometryReader
from safety.domain.fence_limits import STANDARD, FenceLimits, parse_limits
from safety.domain.fence_places import finite
from safety.domain.local_metres import apart_m
from safety.domain.schedule import Schedule, parse_schedule
from safety.errors import InvalidInput

Mode = Literal["stay_in", "keep_out"]
MODES: tuple[str, ...] = get_args(Mode)
DATUMS: tuple[str, ...] = get_args(Datum)

_LONGEST_BYTES = 20_000_000
_WGS84_CRS = ("CRS84", "4326")
_FAR_M, _NEAR_M = 1_000_000.0, 200_000.0
"""Farther than the first from all places of an organisation, but within the second of one if swapped."""

T = TypeVar("T")
Json = Mapping[str, Any]
Place = tuple[float, float]  # lat, lon


class FenceDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A fence that was read: GeoJSON geometry (Polygon, MultiPolygon, Point, lines) in WGS-84.

    `repairs` says what was wrong with the geometry and has been put right.
    """

    name: str
    mode: Mode
    geometry: dict[str, Any]
    radius_m: float | None = None
    width_m: float | None = None
    schedule: Schedule | None = None
    limits: FenceLimits = STANDARD
    repairs: tuple[str, ...] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever imports asks for, for all features alike.

    `mode`, `radius_m` (of points) and `width_m` (of lines, from side to side) count for all of them; where
    they are None the feature's own properties of that name do, and then `stay_in`. `datum` is the one of the
    coordinates; `repair` mends what can be; `near` are places (lat, lon) that a fence should be near.
    """

    mode: Mode | None = None
    datum: Datum = "wgs84"
    radius_m: float | None = None
    width_m: float | None = None
    repair: bool = False
    near: Sequence[Place] = ()


def parse_fences(
    text: bytes,
    *,
    mode: Mode | None = None,
    datum: Datum = "wgs84",
    radius_m: float | None = None,
    width_m: float | None = None,
    name: str = "fence",
    repair: bool = False,
    near: Sequence[Place] = (),
) -> list[FenceDraft]:
    """Return the fences that a GeoJSON file holds: a FeatureCollection, a Feature or a bare geometry.

    `name` is for features without one, the rest is as in `Wanted`.

    Raises:
        InvalidInput: the file, or one fence in it, cannot be used; says which and why.
    """
    wanted = Wanted(mode=mode, datum=datum, radius_m=radius_m, width_m=width_m, repair=repair, near=near)
    return read_features(_decode(text), wanted, name)


def read_features(document: Json, wanted: Wanted, name: str = "fence") -> list[FenceDraft]:
    """Return the fences of a GeoJSON document; raises as `parse_fences` does."""
    _check_crs(document.get("crs"), wanted.datum)
    _check_datum(document, wanted.datum)
    drafts = []
    for index, feature in enumerate(_features(document)):
        try:
            drafts.append(read_feature(feature, wanted, f"{name} {index}"))
        except InvalidInput as error:
            raise InvalidInput(f"feature {index}, {error}", error.field) from error
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
    return document


def _check_crs(crs: object, datum: Datum) -> None:
    # RFC 7946 has no `crs` any more, but files in other systems still carry it.
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        return
    told = next((known for known in DATUMS if known in _bare(name)), None)
    if told is None and not name.endswith(_WGS84_CRS):
        raise InvalidInput(f"the coordinates are in {name[:80]!r}: expected degrees WGS 84 (EPSG:4326)")
    _check_told(told or "wgs84", datum, "crs")


def _check_datum(holder: Json, datum: Datum) -> None:
    told = holder.get("datum")
    if isinstance(told, str):
        _check_told(_bare(told), datum, "datum")


def _check_told(told: str, datum: Datum, key: str) -> None:
    if told != datum:
        raise InvalidInput(
            f"{key}: says {told[:20]}, but the coordinates are given as {datum}: which is it?", "datum"
        )


def _bare(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def _features(document: Json) -> list[Json]:
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            raise InvalidInput("the file holds no features: expected a list under `features`")
        if not features:
            raise InvalidInput("the file holds no features: the list under `features` is empty")
        return cast("list[Json]", features)
    if kind == "Feature":
        return [document]
    return [{"type": "Feature", "properties": {}, "geometry": document}]


def read_feature(feature: object, wanted: Wanted, name: str) -> FenceDraft:
    """Return the fence that a feature is; `schedule` and the names of `FenceLimits` may be properties too.

    Raises:
        InvalidInput: it cannot be one; says where and why.
    """
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise InvalidInput("type: expected a Feature")
    properties = feature.get("properties") or {}
    geometry = feature.get("geometry")
    if not isinstance(properties, dict) or not isinstance(geometry, dict):
        raise InvalidInput("properties and geometry: expected objects")
    shown = _name(properties) or name
    chosen = wanted.mode or properties.get("mode") or "stay_in"
    if chosen not in MODES:
        raise InvalidInput(
            f"properties.mode: {str(chosen)[:40]!r} is unknown, expected stay_in or keep_out", "mode"
        )
    _check_datum(properties, wanted.datum)
    reader = GeometryReader(wanted.datum, repair=wanted.repair)
    found = _of_geometry(lambda: reader.read(geometry))
    _of_geometry(lambda: _check_near(found, wanted.near))
    point, line = found["type"] == "Point", found["type"].endswith("LineString")
    return FenceDraft(
        name=checks.text(shown, "properties.name"),
        mode=cast("Mode", chosen),
        geometry=found,
        radius_m=_size_m(properties, "radius_m", wanted.radius_m, "a Point") if point else None,
        width_m=_size_m(properties, "width_m", wanted.width_m, "a line") if line else None,
        schedule=parse_schedule(properties.get("schedule")),
        limits=parse_limits(properties),
        repairs=tuple(reader.repairs),
    )


def _name(properties: Json) -> str | None:
    """Return the name that a feature gives itself; None if it gives none, or a blank one."""
    given = properties.get("name")
    if given is not None and not isinstance(given, str):
        raise InvalidInput(f"properties.name: {str(given)[:40]!r} is not text, expected a name", "name")
    return None if given is None or not given.strip() else given


def _of_geometry(read: Callable[[], T]) -> T:
    try:
        return read()
    except InvalidInput as error:
        raise InvalidInput(str(error), "geometry") from error


def _size_m(properties: Json, key: str, asked: float | None, whose: str) -> float:
    value = asked if asked is not None else properties.get(key)
    noun = key.removesuffix("_m")
    if value is None:
        raise InvalidInput(f"{whose} has no {noun}: expected {key} among its properties, or for all", key)
    number = finite(value)
    if number is None:
        raise InvalidInput(f"properties.{key}: {str(value)[:40]!r} is not a number of metres", key)
    return checks.radius_m(number, noun)


def _check_near(geometry: Json, near: Sequence[Place]) -> None:
    """Refuse a fence at the other end of the world that would be at home with lat and lon swapped."""
    if not near:
        return
    middle = shape(geometry).centroid
    lat, lon = middle.y, middle.x
    if abs(lon) > 90.0 or min(apart_m(*place, lat, lon) for place in near) < _FAR_M:
        return
    swapped_m = min(apart_m(*place, lon, lat) for place in near)
    if swapped_m < _NEAR_M:
        raise InvalidInput(
            f"[{lon:.4f}, {lat:.4f}] is far from every place of the organisation: lat and lon look swapped"
        )
