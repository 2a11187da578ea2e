"""Fences for tests, in metres north and east of the visit's address."""

from typing import Any

from safety.domain.plan import FencePlan, OrgPlan
from tests.support.records import HOME_LAT, HOME_LON, METRES_PER_DEGREE

METRES_PER_DEGREE_EAST = 95_200.0  # near Shanghai


def place(north_m: float, east_m: float = 0.0) -> list[float]:
    """Return [lon, lat] so many metres from the address."""
    return [HOME_LON + east_m / METRES_PER_DEGREE_EAST, HOME_LAT + north_m / METRES_PER_DEGREE]


def ring(north_m: float, half_m: float) -> list[list[float]]:
    """Return a square around a point `north_m` north of the address."""
    corners = [(-1, -1), (-1, 1), (1, 1), (1, -1), (-1, -1)]
    return [place(north_m + north * half_m, east * half_m) for north, east in corners]


def square(id: str, mode: str, north_m: float, half_m: float, **more: Any) -> FencePlan:
    return FencePlan(
        id=id, mode=mode, geometry={"type": "Polygon", "coordinates": [ring(north_m, half_m)]}, **more
    )


def of_org(*fences: FencePlan) -> OrgPlan:
    return OrgPlan(org="org_1", fences=fences)
