"""Movement: bounded speeds, no jumps, and the same for the same seed."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.geometry import Point, distance_m, heading_deg, offset, vector_m
from simulators.movement import Dwell, Walk

CENTRE = Point(31.23, 121.46)
steps_m = st.floats(min_value=-800, max_value=800, allow_nan=False)
paths = st.lists(st.tuples(steps_m, steps_m), min_size=1, max_size=8).map(
    lambda steps: [offset(CENTRE, east_m, north_m) for east_m, north_m in steps]
)
speeds_mps = st.floats(min_value=0.3, max_value=12)
moments_s = st.floats(min_value=0, max_value=5_000)


@given(east_m=steps_m, north_m=steps_m)
def test_offset_and_vector_are_inverse(east_m: float, north_m: float) -> None:
    there = offset(CENTRE, east_m, north_m)
    assert vector_m(CENTRE, there) == pytest.approx((east_m, north_m), abs=0.15)


def test_headings_are_those_of_a_compass() -> None:
    for east_m, north_m, expected_deg in ((0, 100, 0), (100, 0, 90), (0, -100, 180), (-100, 0, 270)):
        there = offset(CENTRE, east_m, north_m)
        assert heading_deg(CENTRE, there) == pytest.approx(expected_deg, abs=0.01)


@given(path=paths, speed_mps=speeds_mps, from_s=moments_s, for_s=st.floats(min_value=0, max_value=60))
def test_nobody_walks_faster_than_her_speed(
    path: list[Point], speed_mps: float, from_s: float, for_s: float
) -> None:
    walk = Walk(path, speed_mps)
    gone_m = distance_m(walk.at(from_s).point, walk.at(from_s + for_s).point)
    assert gone_m <= speed_mps * for_s * 1.001 + 0.01


@given(path=paths, speed_mps=speeds_mps)
def test_a_walk_begins_at_its_first_point_and_rests_at_its_last(path: list[Point], speed_mps: float) -> None:
    walk = Walk(path, speed_mps)
    assert distance_m(walk.at(0).point, path[0]) < 0.01
    end = walk.at(walk.duration_s + 1)
    assert end == (path[-1], 0.0, None)
    assert walk.duration_s * speed_mps == pytest.approx(sum(distance_m(a, b) for a, b in pairwise(path)))


@pytest.mark.parametrize(("path", "speed_mps"), [([], 1.0), ([CENTRE], 0.0), ([CENTRE], -1.0)])
def test_a_walk_that_cannot_be_is_refused(path: list[Point], speed_mps: float) -> None:
    with pytest.raises(ValueError, match="a walk needs"):
        Walk(path, speed_mps)


@given(seed=st.integers(0, 10_000), spread_m=st.floats(1, 50), at_s=moments_s)
def test_who_dwells_stays_within_the_spread(seed: int, spread_m: float, at_s: float) -> None:
    place = Dwell(CENTRE, spread_m, Random(seed)).at(at_s)
    # The square around the circle: each axis is bounded by itself.
    assert all(abs(each_m) <= spread_m * 1.01 for each_m in vector_m(CENTRE, place.point))
    assert place.speed_mps == 0


@given(seed=st.integers(0, 10_000), at_s=moments_s)
def test_the_same_seed_dwells_the_same_way(seed: int, at_s: float) -> None:
    assert Dwell(CENTRE, 8, Random(seed)).at(at_s) == Dwell(CENTRE, 8, Random(seed)).at(at_s)
