"""Shapes anywhere on earth: what a polygon with a hole, a corridor and a circle hold, and what not."""

import json
import math
from typing import Any

import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from safety.domain.fence import outline_of, shape_of
from safety.domain.fence_import import parse_fences
from safety.domain.local_metres import LocalMetres
from safety.domain.plan import FencePlan
from safety.errors import InvalidInput

lats = st.one_of(st.floats(-89.5, 89.5), st.sampled_from([0.0, 60.0, 84.9, -84.9, 89.0, -89.0]))
lons = st.one_of(st.floats(-180, 180), st.sampled_from([180.0, -180.0, 179.9995, -179.9995, 0.0]))
halves = st.sampled_from([60.0, 400.0, 5_000.0])


def wrap(lon: float) -> float:
    return (lon + 540.0) % 360.0 - 180.0


class Ground:
    """Places in metres east and north of a middle."""

    def __init__(self, lat: float, lon: float) -> None:
        self.lat, self.lon = lat, lon
        self._local = LocalMetres(lat, lon)

    def at(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Return (lat, lon)."""
        return (
            self.lat + north_m / self._local.north_m,
            wrap(self.lon + east_m / self._local.east_m),
        )

    def ring(self, half_m: float) -> list[list[float]]:
        corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
        return [list(reversed(self.at(east * half_m, north * half_m))) for east, north in corners]


def plan(geometry: dict[str, Any], **more: float) -> FencePlan:
    """A fence as it comes out of an import that mends what can be."""
    content = json.dumps({"type": "Feature", "properties": more, "geometry": geometry}).encode()
    (draft,) = parse_fences(content, repair=True)
    return FencePlan(
        id="f", mode="keep_out", geometry=draft.geometry, radius_m=draft.radius_m, width_m=draft.width_m
    )


@given(lat=lats, lon=lons, half_m=halves)
def test_a_polygon_with_a_hole_holds_what_is_between_its_rings(lat: float, lon: float, half_m: float) -> None:
    ground = Ground(lat, lon)
    rings = [ground.ring(half_m), ground.ring(half_m / 2)]
    try:
        fence = plan({"type": "Polygon", "coordinates": rings})
    except InvalidInput:
        # Where the meridians meet, some metres are half the world.
        assert abs(lat) > 80
        return
    shape = shape_of(fence)
    assert shape.depth_m > 0
    for turn in (0.0, 1.5, 3.0, 4.5):
        east, north = math.cos(turn), math.sin(turn)
        reach = 1 / max(abs(east), abs(north))
        between = ground.at(0.75 * reach * half_m * east, 0.75 * reach * half_m * north)
        inside_hole = ground.at(0.3 * half_m * east, 0.3 * half_m * north)
        beyond = ground.at(1.3 * reach * half_m * east, 1.3 * reach * half_m * north)
        if abs(lat) < 85:
            assert shape.holds(*between)
            assert not shape.holds(*inside_hole)
            assert not shape.holds(*beyond)
            assert shape.outside_by_m(*between) < 0 < shape.outside_by_m(*inside_hole)
            outline = outline_of(fence)
            assert shapely.contains_xy(outline, between[1], between[0])
        else:
            # Near a pole it must come to an answer, whatever that is.
            assert math.isfinite(shape.outside_by_m(*between))


@given(lat=st.floats(-84, 84), lon=lons, half_m=halves, part=st.floats(-1.4, 1.4), along=st.floats(-0.9, 0.9))
def test_a_corridor_is_as_wide_as_it_says(
    lat: float, lon: float, half_m: float, part: float, along: float
) -> None:
    ground = Ground(lat, lon)
    length_m, width_m = 3 * half_m, half_m / 2
    assume(abs(abs(part) - 1) > 0.05)
    ends = [list(reversed(ground.at(east, 0.0))) for east in (-length_m, length_m)]
    try:
        fence = plan({"type": "LineString", "coordinates": ends}, width_m=width_m)
    except InvalidInput as error:
        pytest.fail(str(error))
    shape = shape_of(fence)
    seen = ground.at(along * length_m, part * width_m / 2)
    assert shape.holds(*seen) == (abs(part) < 1)
    assert shape.outside_by_m(*seen) == pytest.approx((abs(part) - 1) * width_m / 2, abs=0.02 * width_m + 1)
    if abs(part) < 1 and abs(abs(seen[1]) - 180.0) > 1e-6:
        assert shapely.contains_xy(outline_of(fence), seen[1], seen[0])


@given(lat=lats, lon=lons, radius_m=st.floats(1, 50_000), turn=st.floats(0, math.tau), part=st.floats(0, 2))
def test_a_circle_is_round_everywhere(
    lat: float, lon: float, radius_m: float, turn: float, part: float
) -> None:
    fence = plan({"type": "Point", "coordinates": [lon, lat]}, radius_m=radius_m)
    shape = shape_of(fence)
    assert shape.holds(lat, lon)
    if abs(lat) < 80 and abs(part - 1) > 0.02:
        seen = Ground(lat, lon).at(part * radius_m * math.cos(turn), part * radius_m * math.sin(turn))
        assert shape.holds(*seen) == (part < 1)
