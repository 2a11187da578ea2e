"""The demo's district: it hangs together, and everything is where it should be."""

from itertools import pairwise
from random import Random

import pytest

from simulators.geometry import Point, distance_m
from simulators.streets import District


@pytest.fixture(scope="module")
def district() -> District:
    return District.shanghai()


def test_there_are_streets_and_homes_enough_for_thirty_nurses(district: District) -> None:
    assert len(district.ways) == 40
    assert len({way.name for way in district.ways}) == 40
    assert len(district.homes) == 60
    assert len({home.address for home in district.homes}) == 60


def test_all_of_it_lies_in_the_district(district: District) -> None:
    for point in [*district.nodes.values(), *(home.point for home in district.homes), district.base.point]:
        assert 31.214 <= point.lat <= 31.246
        assert 121.444 <= point.lon <= 121.491


def test_every_node_can_be_reached_from_the_base(district: District) -> None:
    for node in district.nodes.values():
        path = district.route(district.base.point, node)
        assert path[-1] == node


def test_a_route_is_not_much_longer_than_a_street_grid_makes_it(district: District) -> None:
    for home in district.homes[:20]:
        path = district.route(district.base.point, home.point)
        length_m = sum(distance_m(start, end) for start, end in pairwise(path))
        assert length_m <= 2.2 * distance_m(district.base.point, home.point) + 500


def test_homes_are_beside_streets_and_apart_from_each_other(district: District) -> None:
    for number, home in enumerate(district.homes):
        assert distance_m(home.point, district.nodes[district.nearest(home.point)]) < 250
        assert all(distance_m(home.point, other.point) > 100 for other in district.homes[:number])


def test_a_stroll_is_as_long_as_asked_and_the_same_for_the_same_seed(district: District) -> None:
    start = Point(31.23, 121.465)
    path = district.stroll(start, 900.0, Random(7))
    assert path == district.stroll(start, 900.0, Random(7))
    assert 900 <= sum(distance_m(one, other) for one, other in pairwise(path)) < 1_600
