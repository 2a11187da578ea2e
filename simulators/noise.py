"""How a phone mismeasures where it is: seeded errors that drift as real ones do.

As measured in the field: 7–13 m (68 %) in the open city; indoors a drift of tens of metres (a median of
74 m by Wi-Fi) with a reported accuracy that is too good to be true; now and then a jump, once seen at
200 m with a reported 1.9 m.
"""

import math
from random import Random
from typing import NamedTuple

from simulators.geometry import offset
from simulators.movement import Place
from simulators.payloads import Measured

_R68_PER_SIGMA = math.sqrt(-2 * math.log(1 - 0.68))  # of a circular normal distribution: 1.51


class Surroundings(NamedTuple):
    """What a place does to a position.

    `r68_m` is the range of the true 68 % radius, `memory_s` how long an error lasts, `honesty` the range
    of reported over true radius, `jumps_per_fix` how often a single fix lands `jump_m` away.
    """

    r68_m: tuple[float, float]
    memory_s: float
    honesty: tuple[float, float]
    jumps_per_fix: float
    jump_m: tuple[float, float] = (100.0, 250.0)


OPEN_SKY = Surroundings(r68_m=(7.0, 13.0), memory_s=20.0, honesty=(0.8, 1.3), jumps_per_fix=0.0005)
INDOORS = Surroundings(r68_m=(15.0, 35.0), memory_s=120.0, honesty=(0.3, 0.8), jumps_per_fix=0.003)
INDOORS_WIFI = Surroundings(r68_m=(45.0, 110.0), memory_s=300.0, honesty=(0.2, 0.7), jumps_per_fix=0.01)


class GpsNoise:
    """The errors of one phone; the same seed and the same calls give the same errors."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._quality = rng.random()  # a good or a bad receiver, between the ends of each range
        self._east = rng.gauss(0, 1)
        self._north = rng.gauss(0, 1)
        self._last_s: float | None = None

    def measure(self, place: Place, now_s: float, around: Surroundings = OPEN_SKY) -> Measured:
        """Return what the phone reports at `now_s` (seconds that never go back) for being at `place`."""
        self._drift(now_s, around.memory_s)
        rng = self._rng
        r68_m = around.r68_m[0] + (around.r68_m[1] - around.r68_m[0]) * self._quality
        sigma_m = r68_m / _R68_PER_SIGMA
        east_m, north_m = self._east * sigma_m, self._north * sigma_m
        accuracy_m = max(1.5, r68_m * rng.uniform(*around.honesty))
        if rng.random() < around.jumps_per_fix:
            far_m, towards = rng.uniform(*around.jump_m), rng.uniform(0, math.tau)
            east_m, north_m = far_m * math.sin(towards), far_m * math.cos(towards)
            accuracy_m = rng.uniform(1.9, 20.0)
        point = offset(place.point, east_m, north_m)
        return Measured(point.lat, point.lon, accuracy_m, place.speed_mps, place.heading_deg)

    def _drift(self, now_s: float, memory_s: float) -> None:
        """Carry the error on: a first-order Gauss-Markov process of unit variance."""
        since_s = 0.0 if self._last_s is None else max(0.0, now_s - self._last_s)
        self._last_s = now_s
        kept = math.exp(-since_s / memory_s)
        fresh = math.sqrt(1 - kept * kept)
        self._east = kept * self._east + fresh * self._rng.gauss(0, 1)
        self._north = kept * self._north + fresh * self._rng.gauss(0, 1)
