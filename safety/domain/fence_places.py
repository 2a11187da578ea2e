"""Fence places: what a pair of coordinates can be, and where in a geometry a fault lies."""

import math
from collections.abc import Sequence
from itertools import pairwise

import shapely

from devices.reports import Datum
from safety.errors import InvalidInput

# GCJ-02 is defined in China only; this is the box of its published conversion.
_GCJ02_LAT, _GCJ02_LON = (0.8293, 55.8271), (72.004, 137.8347)

Vertex = tuple[float, float]


def check_place(lat: float, lon: float, datum: Datum, where: str) -> None:
    """Refuse what is no place in `datum`; says so if it were one with lat and lon swapped.

    Raises:
        InvalidInput: it is none.
    """
    if _on_earth(lat, lon) and (datum == "wgs84" or _in_china(lat, lon)):
        return
    swapped = _on_earth(lon, lat) and (datum == "wgs84" or _in_china(lon, lat))
    remedy = "lat and lon look swapped" if swapped else f"expected a place {_expected(datum)}"
    raise InvalidInput(f"{where}: [{lon:g}, {lat:g}] cannot be [lon, lat]: {remedy}")


def crossing_of(polygon: shapely.Geometry, vertices: Sequence[Vertex]) -> str:
    """Name the vertex before the place where an invalid ring meets itself."""
    reason = str(shapely.is_valid_reason(polygon))
    place = _place_in(reason)
    if place is None:
        return reason.lower()
    what, lon, lat = reason.partition("[")[0].lower(), place.x, place.y
    return f"vertex {_nearest_edge(vertices, place)}: {what} after it, at [{lon:.6f}, {lat:.6f}]"


def place_of_fault(rings: Sequence[Sequence[Vertex]], reason: str) -> str:
    """Name the ring and the vertex that a fault between rings is at, as `ring 1, vertex 0: `."""
    place = _place_in(reason)
    if place is None:
        return ""
    away = [float(shapely.distance(shapely.LinearRing(ring), place)) for ring in rings]
    # The first ring is the frame: of two that meet, the other one is at fault.
    nearest = min(range(len(rings)), key=lambda index: (away[index], -index))
    return f"ring {nearest}, vertex {_nearest_edge(rings[nearest], place)}: "


def finite(value: object) -> float | None:
    """Return a finite number of JSON; None if it is anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _place_in(reason: str) -> shapely.Point | None:
    try:
        lon, lat = (float(number) for number in reason.partition("[")[2].rstrip("]").split())
    except ValueError:
        return None
    return shapely.Point(lon, lat)


def _nearest_edge(vertices: Sequence[Vertex], place: shapely.Point) -> int:
    edges = shapely.linestrings([[a, b] for a, b in pairwise(vertices)])
    return int(shapely.distance(edges, place).argmin())


def _expected(datum: Datum) -> str:
    return "on earth" if datum == "wgs84" else f"in China, where {datum} is defined"


def _on_earth(lat: float, lon: float) -> bool:
    return -90 <= lat <= 90 and -180 <= lon <= 180


def _in_china(lat: float, lon: float) -> bool:
    return _GCJ02_LAT[0] <= lat <= _GCJ02_LAT[1] and _GCJ02_LON[0] <= lon <= _GCJ02_LON[1]
