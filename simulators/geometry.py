"""Distances and directions over a few kilometres: degrees to metres on a local plane.

Good to about 0.1 % within 10 km of its origin, far better than a GPS.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

METRES_PER_DEGREE_LAT = 111_132.0
_METRES_PER_DEGREE_LON_EQUATOR = 111_320.0


class Point(NamedTuple):
    """A place: WGS-84 degrees."""

    lat: float
    lon: float


def metres_per_degree_lon(lat: float) -> float:
    """Return how long a degree of longitude is at latitude `lat`."""
    return _METRES_PER_DEGREE_LON_EQUATOR * math.cos(math.radians(lat))


def offset(origin: Point, east_m: float, north_m: float) -> Point:
    """Return the place `east_m` and `north_m` away from `origin`."""
    return Point(
        origin.lat + north_m / METRES_PER_DEGREE_LAT, origin.lon + east_m / metres_per_degree_lon(origin.lat)
    )


def vector_m(start: Point, end: Point) -> tuple[float, float]:
    """Return (east_m, north_m) from `start` to `end`."""
    east_m = (end.lon - start.lon) * metres_per_degree_lon((start.lat + end.lat) / 2)
    return east_m, (end.lat - start.lat) * METRES_PER_DEGREE_LAT


def distance_m(start: Point, end: Point) -> float:
    """Return the distance between two places."""
    return math.hypot(*vector_m(start, end))


def length_m(path: Sequence[Point]) -> float:
    """Return how long a polyline is."""
    return sum(distance_m(start, end) for start, end in pairwise(path))


def heading_deg(start: Point, end: Point) -> float:
    """Return the direction from `start` to `end`: 0 is north, 90 east."""
    east_m, north_m = vector_m(start, end)
    return math.degrees(math.atan2(east_m, north_m)) % 360
