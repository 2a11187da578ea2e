"""Where one nurse is, and what her devices believe: a movement, its surroundings and the GPS noise."""

from collections.abc import Sequence
from random import Random

from devices.clock import Clock
from simulators.geometry import Point
from simulators.movement import WALKING_MPS, Dwell, Movement, Place, Walk
from simulators.noise import INDOORS, OPEN_SKY, GpsNoise, Surroundings
from simulators.payloads import Measured

_HOME_SPREAD_M = 8.0


class Whereabouts:
    """One person on the move; all her devices measure through this."""

    def __init__(self, home: Point, clock: Clock, rng: Random) -> None:
        """She begins in `home`."""
        self._clock = clock
        self._rng = rng
        self._noise = GpsNoise(rng)
        self._movement: Movement = Dwell(home, _HOME_SPREAD_M, rng)
        self._around: Surroundings = INDOORS
        self._since_s = clock.monotonic_s()

    def stay(self, centre: Point, around: Surroundings = INDOORS) -> None:
        """Be about in a home from now on."""
        self._start(Dwell(centre, _HOME_SPREAD_M, self._rng), around)

    def go(self, path: Sequence[Point], speed_mps: float = WALKING_MPS) -> float:
        """Set out along `path`; returns how many seconds it takes."""
        walk = Walk(path, speed_mps)
        self._start(walk, OPEN_SKY)
        return walk.duration_s

    def _start(self, movement: Movement, around: Surroundings) -> None:
        self._movement, self._around, self._since_s = movement, around, self._clock.monotonic_s()

    def place(self) -> Place:
        """Return where she truly is."""
        return self._movement.at(self._clock.monotonic_s() - self._since_s)

    def measure(self) -> Measured:
        """Return what a device of hers measures now."""
        return self._noise.measure(self.place(), self._clock.monotonic_s(), self._around)
