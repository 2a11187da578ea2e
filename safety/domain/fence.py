"""Fences: shapes on the ground, and how far outside of one a position is, in metres.

Distances are taken in local metres around the fence's middle, with the ellipsoid's metres per degree
there: within 0.05 m at 1 km, 0.7 m at 20 km.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry import shape as geojson_shape

from safety.domain.local_metres import LocalMetres, apart_m
from safety.domain.plan import FencePlan

_WORLD = shapely.box(-180.0, -90.0, 180.0, 90.0)
_CORNERS = 64
_ROUND = 1.0 / math.cos(math.pi / _CORNERS)
"""An outline around a circle, of so many corners, must reach out so much further to hold all of it."""


class Shape(Protocol):
    """A shape on the ground; `depth_m` is about how far inside its edge its middle lies."""

    depth_m: float

    def outside_by_m(self, lat: float, lon: float) -> float:
        """Return how many metres outside the shape a WGS-84 position is; negative: how far inside."""

    def holds(self, lat: float, lon: float) -> bool:
        """Tell whether a WGS-84 position is inside: cheaper than asking how far."""


class Circle:
    """A circle around a WGS-84 position."""

    __slots__ = ("depth_m", "lat", "lon")

    def __init__(self, lat: float, lon: float, radius_m: float) -> None:
        self.lat = lat
        self.lon = lon
        self.depth_m = radius_m

    def outside_by_m(self, lat: float, lon: float) -> float:
        return apart_m(self.lat, self.lon, lat, lon) - self.depth_m

    def holds(self, lat: float, lon: float) -> bool:
        return self.outside_by_m(lat, lon) <= 0.0

    def bounds(self) -> tuple[float, float, float, float]:
        """Return the box around it in degrees: west, south, east, north."""
        west, south, east, north = shapely.bounds(self.outline()).tolist()
        return west, south, east, north

    def outline(self) -> shapely.Geometry:
        """Return polygons in degrees that hold the circle, for an index."""
        local = LocalMetres(self.lat, self.lon)
        reach_m = self.depth_m * _ROUND
        d_lat = reach_m / local.north_m
        if local.polar or abs(self.lat) + d_lat > 89.0:
            return shapely.box(-180.0, max(-90.0, self.lat - d_lat), 180.0, min(90.0, self.lat + d_lat))
        turns = np.linspace(0.0, math.tau, _CORNERS, endpoint=False)
        ring = local.back_many(reach_m * np.column_stack([np.cos(turns), np.sin(turns)]))
        return wrapped(shapely.Polygon(ring))


class Area:
    """A polygon or several, with holes, from GeoJSON in WGS-84."""

    def __init__(self, degrees: shapely.Geometry) -> None:
        self._local = LocalMetres(*_middle(degrees))
        metres = shapely.transform(degrees, self._local.of_many)
        if _spans_world(degrees):
            metres = shapely.union_all(shapely.get_parts(metres))  # the cut at the antimeridian is no edge
        self._shape = metres
        self._boundary = metres.boundary
        self._box: tuple[float, float, float, float] = tuple(shapely.bounds(metres).tolist())
        self.depth_m = metres.area / max(metres.length, 1e-9)
        shapely.prepare(self._shape)

    def outside_by_m(self, lat: float, lon: float) -> float:
        x, y = self._local.of(lat, lon)
        distance_m = float(shapely.distance(self._boundary, shapely.Point(x, y)))
        return -distance_m if shapely.contains_xy(self._shape, x, y) else distance_m

    def holds(self, lat: float, lon: float) -> bool:
        x, y = self._local.of(lat, lon)
        west, south, east, north = self._box
        return west <= x <= east and south <= y <= north and bool(shapely.contains_xy(self._shape, x, y))


class Corridor:
    """A line or several, with a width from side to side, from GeoJSON in WGS-84."""

    def __init__(self, degrees: shapely.Geometry, width_m: float) -> None:
        self._local = LocalMetres(*_middle(degrees))
        self._line = shapely.transform(degrees, self._local.of_many)
        self.depth_m = width_m / 2.0

    def outside_by_m(self, lat: float, lon: float) -> float:
        x, y = self._local.of(lat, lon)
        return float(shapely.distance(self._line, shapely.Point(x, y))) - self.depth_m

    def holds(self, lat: float, lon: float) -> bool:
        return self.outside_by_m(lat, lon) <= 0.0

    def outline(self) -> shapely.Geometry:
        """Return polygons in degrees that hold the corridor, for an index."""
        band = shapely.buffer(self._line, self.depth_m * _ROUND, quad_segs=_CORNERS // 4)
        if self._local.polar:
            reach = math.degrees(band.length / 6_000_000.0)
            return shapely.box(
                -180.0, max(-90.0, self._local.lat - reach), 180.0, min(90.0, self._local.lat + reach)
            )
        return wrapped(shapely.transform(band, self._local.back_many))


def shape_of(fence: FencePlan) -> Shape:
    """Return the shape of a fence (validated when it was imported)."""
    degrees = degrees_of(fence)
    return _round(fence, degrees) or Area(degrees)


def outline_of(fence: FencePlan) -> shapely.Geometry:
    """Return polygons in degrees that hold a fence, for an index: of an area, itself."""
    degrees = degrees_of(fence)
    rounded = _round(fence, degrees)
    return degrees if rounded is None else rounded.outline()


def degrees_of(fence: FencePlan) -> shapely.Geometry:
    """Return the geometry of a fence in degrees (lon, lat)."""
    if isinstance(fence.geometry, bytes):
        return shapely.from_wkb(fence.geometry)
    return geojson_shape(fence.geometry)


def wkb_of(geojson: Mapping[str, object]) -> bytes:
    """Return a GeoJSON geometry in the form that takes plans the least memory and time."""
    wkb: bytes = shapely.to_wkb(geojson_shape(geojson))
    return wkb


def wrapped(degrees: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry that passes the antimeridian or a pole as parts that don't."""
    west, south, east, north = shapely.bounds(degrees)
    if west >= -180.0 and east <= 180.0 and south >= -90.0 and north <= 90.0:
        return degrees
    parts = [shapely.intersection(translate(degrees, by), _WORLD) for by in (0.0, 360.0, -360.0)]
    return shapely.union_all(parts)


def _round(fence: FencePlan, degrees: shapely.Geometry) -> Circle | Corridor | None:
    if isinstance(degrees, shapely.Point):
        return Circle(degrees.y, degrees.x, fence.radius_m or 0.0)
    if isinstance(degrees, shapely.LineString | shapely.MultiLineString):
        return Corridor(degrees, fence.width_m or 0.0)
    return None


def _spans_world(degrees: shapely.Geometry) -> bool:
    west, _, east, _ = shapely.bounds(degrees)
    return bool(east - west > 180.0)


def _middle(degrees: shapely.Geometry) -> tuple[float, float]:
    """Return the middle as (lat, lon), also of a shape that was cut in two at the antimeridian."""
    if not _spans_world(degrees):
        middle = degrees.centroid
        return middle.y, middle.x
    middle = shapely.transform(degrees, _eastward).centroid
    return middle.y, middle.x - 360.0 if middle.x > 180.0 else middle.x


def _eastward(lon_lat: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    return np.column_stack([np.where(lon_lat[:, 0] < 0, lon_lat[:, 0] + 360.0, lon_lat[:, 0]), lon_lat[:, 1]])
