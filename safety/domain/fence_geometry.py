"""Fence geometry: GeoJSON geometries checked vertex by vertex, converted to WGS-84, repaired if asked.

A fault is told with its place: polygon (of a MultiPolygon) or line, ring and vertex, all counted from 0.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import shapely
from shapely.geometry import mapping

from devices.datum import to_wgs84
from devices.reports import Datum
from safety.domain.fence import wrapped
from safety.domain.fence_places import check_place, crossing_of, finite, place_of_fault
from safety.domain.local_metres import LocalMetres
from safety.errors import InvalidInput

# A tenth of a millimetre: what is finer is noise, and breaks the arithmetic of very small shapes.
_DECIMALS = 9
_WIDEST_M = 1_000_000.0
_LEAST_AREA_M2 = 1.0
_KINDS = "Polygon, MultiPolygon, Point, LineString or MultiLineString"

Vertex = tuple[float, float]
Json = Mapping[str, Any]


class GeometryReader:
    """Reads the geometry of one feature; `repairs` tells what had to be changed."""

    def __init__(self, datum: Datum, *, repair: bool = False) -> None:
        self._datum = datum
        self._repair = repair
        self.repairs: list[str] = []

    def read(self, geometry: Json) -> dict[str, Any]:
        """Return the geometry in WGS-84.

        Raises:
            InvalidInput: it cannot be a fence; says where and why.
        """
        kind, coordinates = geometry.get("type"), geometry.get("coordinates")
        if kind == "Point":
            return {"type": "Point", "coordinates": list(self._vertex(coordinates, "point"))}
        if kind in ("Polygon", "MultiPolygon"):
            return self._area(kind, coordinates)
        if kind in ("LineString", "MultiLineString"):
            return self._lines(kind, coordinates)
        raise InvalidInput(f"geometry: {str(kind)[:40]!r} cannot be a fence, expected {_KINDS}")

    def _area(self, kind: str, coordinates: object) -> dict[str, Any]:
        if kind == "Polygon":
            found = self._polygon(coordinates, "")
        else:
            polygons = _list(coordinates, "geometry: expected a list of polygons")
            found = self._several(
                [self._polygon(polygon, f"polygon {index}, ") for index, polygon in enumerate(polygons)]
            )
        _check_size(found)
        return _geojson(found)

    def _several(self, polygons: Sequence[shapely.Geometry]) -> shapely.Geometry:
        whole = shapely.MultiPolygon([part for polygon in polygons for part in shapely.get_parts(polygon)])
        if whole.is_valid:
            return whole
        reason = shapely.is_valid_reason(whole)
        self._mend(f"the polygons overlap or touch along an edge: {reason}")
        return shapely.union_all(polygons)

    def _polygon(self, coordinates: object, where: str) -> shapely.Geometry:
        before = len(self.repairs)
        rings = [
            self._ring(ring, f"{where}ring {index}")
            for index, ring in enumerate(_list(coordinates, f"{where}geometry: expected a list of rings"))
        ]
        rings = [rings[0], *(_within_frame(ring, rings[0]) for ring in rings[1:])]
        rough = shapely.Polygon(rings[0], rings[1:])
        if rough.is_valid:
            return wrapped(rough)
        if len(self.repairs) == before or all(shapely.Polygon(ring).is_valid for ring in rings):
            # Each ring is simple: what is wrong is between them.
            reason = shapely.is_valid_reason(rough)
            at = place_of_fault(rings, reason)
            self._mend(f"{where}{at}its rings cross or lie outside the first: {reason}")
        frame, *holes = (_untangled(ring) for ring in rings)
        mended = _areas(shapely.difference(frame, shapely.union_all(holes)))
        if mended.is_empty:
            raise InvalidInput(f"{where}geometry: nothing is left of it after the repair")
        return wrapped(mended)

    def _ring(self, ring: object, where: str) -> list[Vertex]:
        vertices = [
            self._vertex(vertex, f"{where}, vertex {index}")
            for index, vertex in enumerate(_list(ring, f"{where}: expected a list of positions"))
        ]
        if len(set(vertices)) < 3:
            raise InvalidInput(f"{where}: has {len(set(vertices))} different points, expected at least 3")
        if vertices[0] != vertices[-1]:
            last = len(vertices) - 1
            self._mend(f"{where}, vertex {last}: the ring is not closed, expected the first position again")
            vertices.append(vertices[0])
        vertices = self._unrolled(vertices, where)
        closed = shapely.Polygon(vertices)
        if not closed.is_valid:
            self._mend(f"{where}, {crossing_of(closed, vertices)}")
        elif closed.area == 0:
            raise InvalidInput(f"{where}: the ring encloses nothing")
        return vertices

    def _lines(self, kind: str, coordinates: object) -> dict[str, Any]:
        given = [coordinates] if kind == "LineString" else _list(coordinates, "geometry: expected lines")
        lines = []
        for index, line in enumerate(given):
            where = "line" if kind == "LineString" else f"line {index}"
            vertices = [
                self._vertex(vertex, f"{where}, vertex {number}")
                for number, vertex in enumerate(_list(line, f"{where}: expected a list of positions"))
            ]
            if len(set(vertices)) < 2:
                raise InvalidInput(f"{where}: has {len(set(vertices))} different points, expected at least 2")
            lines.append(shapely.LineString(self._unrolled(vertices, where)))
        found = wrapped(lines[0] if kind == "LineString" else shapely.MultiLineString(lines))
        _check_width(found)
        return _geojson(found)

    def _unrolled(self, vertices: list[Vertex], where: str) -> list[Vertex]:
        """Let the longitudes of what passes the antimeridian run on beyond 180."""
        turn, unrolled = 0.0, [vertices[0]]
        for index, ((west, _), (lon, lat)) in enumerate(pairwise(vertices)):
            if abs(lon - west) > 180.0:
                self._mend(
                    f"{where}, vertex {index}: passes the antimeridian after it, expected a shape that is "
                    "cut in two there (RFC 7946, 3.1.9)"
                )
                turn += 360.0 if lon < west else -360.0
            unrolled.append((lon + turn, lat))
        if turn and vertices[0] == vertices[-1]:
            raise InvalidInput(f"{where}: goes around a pole, expected a ring that does not")
        return unrolled

    def _vertex(self, position: object, where: str) -> Vertex:
        """Return (lon, lat) in WGS-84: GeoJSON's order."""
        if not isinstance(position, list) or len(position) < 2:
            raise InvalidInput(f"{where}: expected [lon, lat]")
        lon, lat = finite(position[0]), finite(position[1])
        if lon is None or lat is None:
            raise InvalidInput(f"{where}: expected [lon, lat] as finite numbers of degrees")
        check_place(lat, lon, self._datum, where)
        lat, lon = to_wgs84(lat, lon, self._datum)
        return round(lon, _DECIMALS), round(lat, _DECIMALS)

    def _mend(self, fault: str) -> None:
        if not self._repair:
            raise InvalidInput(fault)
        self.repairs.append(fault)


def _within_frame(hole: list[Vertex], frame: Sequence[Vertex]) -> list[Vertex]:
    """Return a hole with the longitudes of its frame, which may run on beyond 180 on either side."""
    west, east = min(lon for lon, _ in frame), max(lon for lon, _ in frame)
    middle = (min(lon for lon, _ in hole) + max(lon for lon, _ in hole)) / 2.0
    turn = 0.0 if west <= middle <= east else 360.0 if middle < west else -360.0
    if not west <= middle + turn <= east:
        return hole  # it lies outside whichever way round
    return [(lon + turn, lat) for lon, lat in hole]


def _untangled(ring: Sequence[Vertex]) -> shapely.Geometry:
    """Return the areas that a ring goes around, even if it meets itself."""
    return _areas(shapely.make_valid(shapely.Polygon(ring)))


def _areas(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons in a geometry."""
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, shapely.Polygon)]
    deeper = [
        _areas(part) for part in shapely.get_parts(geometry) if isinstance(part, shapely.GeometryCollection)
    ]
    return shapely.union_all([*parts, *deeper])


def _check_size(found: shapely.Geometry) -> None:
    _check_width(found)
    local = LocalMetres(*_corner(found))
    area_m2 = found.area * local.east_m * local.north_m
    if area_m2 < _LEAST_AREA_M2:
        raise InvalidInput(f"geometry: encloses {area_m2:.2g} square metres, expected at least 1")


def _check_width(found: shapely.Geometry) -> None:
    west, south, east, north = shapely.bounds(found).tolist()
    if east - west > 180.0:  # cut in two at the antimeridian
        west, south, east, north = shapely.bounds(shapely.get_parts(found)[0]).tolist()
    local = LocalMetres((south + north) / 2.0, west)
    wide_m = max((east - west) * local.east_m, (north - south) * local.north_m)
    if wide_m > _WIDEST_M:
        raise InvalidInput(
            f"geometry: measures {wide_m / 1000:.0f} km across, expected at most {_WIDEST_M / 1000:.0f} km: "
            "is a vertex wrong, or are lat and lon swapped?"
        )


def _corner(found: shapely.Geometry) -> tuple[float, float]:
    west, south, _, _ = shapely.bounds(found).tolist()
    return south, west


def _geojson(found: shapely.Geometry) -> dict[str, Any]:
    """Return GeoJSON with lists, as it comes back from the store."""
    if found.geom_type == "MultiPolygon" and len(found.geoms) == 1:
        found = found.geoms[0]
    made: dict[str, Any] = mapping(found)
    return {"type": made["type"], "coordinates": _listed(made["coordinates"])}


def _listed(coordinates: Any) -> Any:
    return [_listed(part) for part in coordinates] if isinstance(coordinates, tuple) else coordinates


def _list(value: object, otherwise: str) -> list[object]:
    if not isinstance(value, list) or not value:
        raise InvalidInput(otherwise)
    return value
