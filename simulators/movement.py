"""How people move: along streets at their speed, or about within a home. Pure functions of elapsed time."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from random import Random
from typing import NamedTuple, Protocol

from simulators.geometry import Point, distance_m, heading_deg, offset

WALKING_MPS = 1.35
SCOOTER_MPS = 5.5
"""An electric scooter through Shanghai's side streets, lights included."""


class Place(NamedTuple):
    """Where someone truly is: WGS-84 degrees, m/s, degrees from north (None while she stands)."""

    point: Point
    speed_mps: float
    heading_deg: float | None


class Movement(Protocol):
    """A way to move."""

    def at(self, elapsed_s: float) -> Place:
        """Return the place `elapsed_s` seconds after the start."""


class Walk:
    """Along a polyline at one speed, then standing at its end."""

    def __init__(self, path: Sequence[Point], speed_mps: float = WALKING_MPS) -> None:
        """`path` needs at least one point, `speed_mps` must be above 0."""
        if not path or speed_mps <= 0:
            raise ValueError("a walk needs a point and a speed above 0")
        self._path = list(path)
        self._speed_mps = speed_mps
        steps_m = (distance_m(start, end) for start, end in pairwise(self._path))
        self._reached_m = list(accumulate(steps_m, initial=0.0))
        self.length_m = self._reached_m[-1]
        self.duration_s = self.length_m / speed_mps

    def at(self, elapsed_s: float) -> Place:
        gone_m = max(0.0, elapsed_s * self._speed_mps)
        if gone_m >= self.length_m:
            return Place(self._path[-1], 0.0, None)
        leg = bisect_right(self._reached_m, gone_m) - 1
        start, end = self._path[leg], self._path[leg + 1]
        part = (gone_m - self._reached_m[leg]) / (self._reached_m[leg + 1] - self._reached_m[leg])
        point = Point(start.lat + (end.lat - start.lat) * part, start.lon + (end.lon - start.lon) * part)
        return Place(point, self._speed_mps, heading_deg(start, end))


class Dwell:
    """About in a home: a slow wander of a few metres that never leaves `spread_m`."""

    def __init__(self, centre: Point, spread_m: float, rng: Random) -> None:
        self._centre = centre
        self._half_m = spread_m / 2
        # Two slow, unrelated oscillations an axis: smooth, bounded, and known for every moment.
        self._waves = [
            (rng.uniform(40, 90), rng.uniform(0, math.tau), rng.uniform(97, 180), rng.uniform(0, math.tau))
            for _axis in range(2)
        ]

    def at(self, elapsed_s: float) -> Place:
        east_m, north_m = (
            self._half_m
            * (math.sin(elapsed_s / fast_s + fast_at) + math.sin(elapsed_s / slow_s + slow_at))
            / math.sqrt(2)
            / 2
            for fast_s, fast_at, slow_s, slow_at in self._waves
        )
        return Place(offset(self._centre, 2 * east_m, 2 * north_m), 0.0, None)
