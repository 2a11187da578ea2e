"""The world of `vigil bench engine`: nurses on visits with fences, shared polygons, and their fixes."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.reports import Fix, PanicPressed, Position
from ingest.records import Arrival, Tick, encode
from safety.domain.fence import wkb_of
from safety.domain.plan import DevicePlan, FencePlan, NursePlan, OrgPlan, VisitPlan

T0_MS = 1_795_352_400_000
EVERY_MS = 10_000
_ORG = "org_bench"
_SOUTH, _WEST, _HEIGHT, _WIDTH = 30.7, 120.9, 1.1, 1.1  # a large city and its surroundings, in degrees
_ACCURACY_M = 12.0
_SPREAD_DEG = 1e-4
"""Fixes of a nurse who is at home stray by some 11 m."""


class World(NamedTuple):
    """Where everybody is: `homes` (n, 2) as lat, lon in degrees, and what the engine is told of them."""

    homes: NDArray[np.float64]
    nurses: list[NursePlan]
    org: OrgPlan

    def fixes(
        self, round_number: int, count: int | None = None, spread_deg: float = _SPREAD_DEG
    ) -> list[bytes]:
        """Return one encoded fix of each nurse (or of the first `count`), as they stand in the log."""
        rng = np.random.default_rng(abs(round_number) * 2 + (round_number < 0))
        shifts = rng.normal(0.0, spread_deg, (count or len(self.nurses), 2))
        at_ms = T0_MS + EVERY_MS * (round_number + 1)
        places = (self.homes[: len(shifts)] + shifts).tolist()
        return [self._fix(index, at_ms, *place) for index, place in enumerate(places)]

    def panic(self, number: int) -> bytes:
        """Return an encoded panic of one nurse."""
        index = number % len(self.nurses)
        report = PanicPressed(time_ms=T0_MS + number, alarm=f"bench-{number}")
        return encode(Arrival(f"dev_{index}", f"nur_{index}", _ORG, T0_MS + number, report))

    def tick(self, round_number: int) -> bytes:
        """Return the encoded tick after a round of fixes."""
        return encode(Tick(at_ms=T0_MS + EVERY_MS * (round_number + 1) + 500))

    def _fix(self, index: int, at_ms: int, lat: float, lon: float) -> bytes:
        position = Position(lat=lat, lon=lon, accuracy_m=_ACCURACY_M, time_ms=at_ms)
        report = Fix(time_ms=at_ms, seq=at_ms // EVERY_MS, position=position, battery_pct=80.0)
        return encode(Arrival(f"dev_{index}", f"nur_{index}", _ORG, at_ms, report))


def make_world(nurses: int, shared_fences: int, seed: int = 1, most_own: int = 2) -> World:
    """Return a world whose nurses have 1 to 3 fences each; the same seed makes the same one.

    One is the circle of her visit, and up to `most_own` others are polygons.
    """
    rng = np.random.default_rng(seed)
    homes = rng.random((nurses, 2)) * (_HEIGHT, _WIDTH) + (_SOUTH, _WEST)
    extra = rng.integers(0, most_own + 1, nurses)
    plans = [_plan(index, homes[index], int(extra[index]), rng) for index in range(nurses)]
    centres = rng.random((shared_fences, 2)) * (_HEIGHT, _WIDTH) + (_SOUTH, _WEST)
    fences = tuple(_polygon(f"fen_{index}", centre, rng) for index, centre in enumerate(centres))
    return World(homes, plans, OrgPlan(org=_ORG, fences=fences))


def _plan(index: int, home: NDArray[np.float64], extra: int, rng: np.random.Generator) -> NursePlan:
    lat, lon = float(home[0]), float(home[1])
    away = (_polygon(f"fen_{index}_{number}", home + 0.01 * (number + 1), rng) for number in range(extra))
    visit = VisitPlan(
        id=f"vis_{index}",
        lat=lat,
        lon=lon,
        radius_m=150.0,
        starts_ms=T0_MS - 600_000,
        ends_ms=T0_MS + 8 * 3_600_000,
        check_in_every_s=1_800.0,
        fences=tuple(away),
    )
    devices = (DevicePlan(id=f"dev_{index}", kind="phone"),)
    return NursePlan(nurse=f"nur_{index}", org=_ORG, visits=(visit,), devices=devices)


def _polygon(id: str, centre: NDArray[np.float64], rng: np.random.Generator, corners: int = 12) -> FencePlan:
    """Return a keep-out area of some 100 m around `centre`, with an uneven edge."""
    turns = np.linspace(0.0, math.tau, corners, endpoint=False)
    reach = 0.001 * (0.6 + 0.4 * rng.random(corners))
    lats, lons = centre[0] + reach * np.sin(turns), centre[1] + reach * np.cos(turns)
    ring = [[float(lon), float(lat)] for lat, lon in zip(lats, lons, strict=True)]
    geometry = wkb_of({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
    return FencePlan(id=id, mode="keep_out", geometry=geometry)
