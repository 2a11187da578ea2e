"""Visits: simulated ones, with what is true at every moment: the way in, the stay, errands, the way out."""

import math
from bisect import bisect_right
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from safety.bench.noise import Receiver, Regime, gaps
from safety.bench.recording import Outing, Reading, Recording
from safety.domain.fence import Circle
from safety.domain.plan import VisitPlan

LAT, LON = 31.2304, 121.4737
START_MS = 1_795_352_400_000
RADIUS_M = 150.0
BUFFER_M = 25.0
"""A true exit is timed from where she is this far beyond the edge."""

STAY_S = 3_600.0
REPORT_EVERY_S = 10.0
AFTER_S = 600.0
"""So long before the end of the visit the last one has left."""

_WALK_MPS = (1.1, 1.5)
_SCOOTER_MPS = 5.5
_SCOOTERS = 0.2
_ERRANDS = 0.33
_AT_HOME_M = 10.0
_TRANSPORT_S = (0.2, 1.5)


class Stop(NamedTuple):
    """Where she truly is at one moment, metres east and north of the address; straight on to the next."""

    at_s: float
    east_m: float
    north_m: float


class Way:
    """Where she truly is at every moment of a visit."""

    def __init__(self, stops: list[Stop], home: tuple[float, float]) -> None:
        self._stops = stops
        self._times = [stop.at_s for stop in stops]
        self.home = home

    def at(self, at_s: float) -> tuple[float, float]:
        """Return metres (east, north) of the address."""
        index = bisect_right(self._times, at_s) - 1
        start = self._stops[max(0, index)]
        if index + 1 >= len(self._stops) or index < 0:
            return start.east_m, start.north_m
        end = self._stops[index + 1]
        part = (at_s - start.at_s) / (end.at_s - start.at_s)
        return (
            start.east_m + (end.east_m - start.east_m) * part,
            start.north_m + (end.north_m - start.north_m) * part,
        )

    def outdoors(self, east_m: float, north_m: float) -> bool:
        """Tell whether a place is out of the home."""
        return math.dist((east_m, north_m), self.home) > _AT_HOME_M

    def passes(self, radius_m: float, low_s: float, high_s: float) -> float:
        """Return when she crosses a circle around the address, once between the two times."""
        inside_first = math.hypot(*self.at(low_s)) < radius_m
        while high_s - low_s > 0.01:
            middle_s = (low_s + high_s) / 2
            if (math.hypot(*self.at(middle_s)) < radius_m) == inside_first:
                low_s = middle_s
            else:
                high_s = middle_s
        return high_s


class Walker:
    """Draws the way of one visit."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.stops: list[Stop] = []

    def way(self, *, leaves: bool) -> tuple[Way, float | None]:
        """Return her way, and when she sets out for good (seconds; None: she stays)."""
        rng = self._rng
        home = _polar(rng, 0.0, 25.0)  # an address is a point in a block of houses
        self._to(0.0, _polar(rng, RADIUS_M + 80, RADIUS_M + 200))
        arrived_s = self._walk(home)
        if rng.random() < _ERRANDS:
            self._stay(arrived_s + rng.uniform(300, 600))
            self._walk(_polar(rng, 50.0, 90.0))
            self._stay(self.stops[-1].at_s + rng.uniform(120, 300))
            self._walk(home)
        if not leaves:
            return Way(self.stops, home), None
        leaves_s = rng.uniform(1_500, STAY_S - AFTER_S - 420)
        self._stay(max(leaves_s, self.stops[-1].at_s))
        set_out_s = self.stops[-1].at_s
        self._walk(_polar(rng, RADIUS_M + 110, RADIUS_M + 400))
        return Way(self.stops, home), set_out_s

    def _walk(self, to: tuple[float, float]) -> float:
        here = self.stops[-1]
        rides = self._rng.random() < _SCOOTERS
        speed_mps = _SCOOTER_MPS if rides else self._rng.uniform(*_WALK_MPS)
        took_s = math.dist((here.east_m, here.north_m), to) / speed_mps
        self._to(here.at_s + max(took_s, 0.1), to)
        return self.stops[-1].at_s

    def _stay(self, until_s: float) -> None:
        here = self.stops[-1]
        if until_s > here.at_s:
            self._to(until_s, (here.east_m, here.north_m))

    def _to(self, at_s: float, place: tuple[float, float]) -> None:
        self.stops.append(Stop(at_s, *place))


def simulate(rng: Random, regime: Regime, number: int, *, leaves: bool) -> Recording:
    """Return one visit of an hour as its phone reported it; with `leaves` she is gone before its end."""
    way, set_out_s = Walker(rng).way(leaves=leaves)
    outings: tuple[Outing, ...] = ()
    if set_out_s is not None:
        left_s = way.passes(RADIUS_M, set_out_s, STAY_S)
        clear_s = way.passes(RADIUS_M + BUFFER_M, set_out_s, STAY_S)
        outings = (Outing(_ms(left_s), _ms(clear_s)),)
    visit = VisitPlan(
        id=f"vis_{number}",
        lat=LAT,
        lon=LON,
        radius_m=RADIUS_M,
        starts_ms=START_MS,
        ends_ms=_ms(STAY_S),
    )
    readings = sorted(_readings(rng, regime, way), key=lambda reading: reading.received_ms)
    arrived_s = way.passes(RADIUS_M, 0.0, 600.0)
    return Recording(visit, Circle(LAT, LON, RADIUS_M), tuple(readings), _ms(arrived_s), outings)


def _readings(rng: Random, regime: Regime, way: Way) -> Iterator[Reading]:
    receiver = Receiver(rng, regime)
    middle = Circle(LAT, LON, 0.0)  # the same metres as the rules have
    lat_per_m = 0.001 / middle.outside_by_m(LAT + 0.001, LON)
    lon_per_m = 0.001 / middle.outside_by_m(LAT, LON + 0.001)
    away = gaps(rng, regime.gap, STAY_S)
    at_s = rng.uniform(0, REPORT_EVERY_S)
    while at_s < STAY_S:
        place = way.at(at_s)
        measured = receiver.measure(*place, at_s, outdoors=way.outdoors(*place))
        received_s: float | None = at_s + rng.uniform(*_TRANSPORT_S)
        for from_s, to_s, kept in away:
            if from_s <= at_s < to_s:
                received_s = to_s + rng.uniform(*_TRANSPORT_S) if kept else None
        if received_s is not None:
            yield Reading(
                _ms(at_s),
                _ms(received_s),
                LAT + measured.north_m * lat_per_m,
                LON + measured.east_m * lon_per_m,
                measured.accuracy_m,
            )
        at_s += REPORT_EVERY_S + rng.uniform(-0.5, 0.5)


def _polar(rng: Random, least_m: float, most_m: float) -> tuple[float, float]:
    far_m, way = rng.uniform(least_m, most_m), rng.uniform(0, math.tau)
    return far_m * math.sin(way), far_m * math.cos(way)


def _ms(at_s: float) -> int:
    return START_MS + round(at_s * 1000)
