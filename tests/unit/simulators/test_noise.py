"""GPS noise: as large as measured in the field, correlated in time, and the same for the same seed."""

from random import Random
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from simulators.geometry import Point, distance_m
from simulators.movement import Place
from simulators.noise import INDOORS, INDOORS_WIFI, OPEN_SKY, GpsNoise, Surroundings

HERE = Place(Point(31.23, 121.46), 0.0, None)
STEADY = 50_000  # fixes in a statistic


def errors_m(around: Surroundings, seed: int, every_s: float, count: int = STEADY) -> list[float]:
    noise = GpsNoise(Random(seed))
    found = []
    for number in range(count):
        measured = noise.measure(HERE, number * every_s, around)
        found.append(distance_m(HERE.point, Point(measured.lat, measured.lon)))
    return found


def r68_m(errors: list[float]) -> float:
    return sorted(errors)[int(len(errors) * 0.68)]


def test_two_thirds_are_within_the_radius_under_an_open_sky() -> None:
    for seed in range(6):
        low_m, high_m = OPEN_SKY.r68_m
        assert low_m * 0.9 <= r68_m(errors_m(OPEN_SKY, seed, 60.0)) <= high_m * 1.1


def test_wifi_indoors_is_off_by_tens_of_metres() -> None:
    assert 30 <= median(errors_m(INDOORS_WIFI, 3, 600.0)) <= 110


def test_an_error_lasts_indoors() -> None:
    """A median step between two fixes is far below the error itself: it drifts, it does not flicker."""
    noise, steps_m, last = GpsNoise(Random(5)), [], None
    for number in range(2_000):
        measured = noise.measure(HERE, number * 2.0, INDOORS)
        point = Point(measured.lat, measured.lon)
        if last is not None:
            steps_m.append(distance_m(last, point))
        last = point
    assert median(steps_m) < r68_m(errors_m(INDOORS, 5, 600.0)) / 3


def test_now_and_then_a_fix_jumps_and_claims_to_be_good() -> None:
    noise = GpsNoise(Random(2))
    measured = [noise.measure(HERE, number * 5.0, INDOORS) for number in range(20_000)]
    jumps = [each for each in measured if distance_m(HERE.point, Point(each.lat, each.lon)) > 95]
    assert 0.0015 < len(jumps) / len(measured) < 0.006
    assert max(each.accuracy_m for each in jumps if each.accuracy_m) <= 30


def test_indoors_the_reported_accuracy_is_too_good_to_be_true() -> None:
    noise = GpsNoise(Random(4))
    measured = [noise.measure(HERE, number * 600.0, INDOORS) for number in range(5_000)]
    within = [distance_m(HERE.point, Point(each.lat, each.lon)) <= each.accuracy_m for each in measured]
    assert sum(within) / len(within) < 0.5


@given(seed=st.integers(0, 10_000), times_s=st.lists(st.floats(0, 10_000), max_size=20).map(sorted))
def test_the_same_seed_measures_the_same(seed: int, times_s: list[float]) -> None:
    one, other = GpsNoise(Random(seed)), GpsNoise(Random(seed))
    for at_s in times_s:
        assert one.measure(HERE, at_s, INDOORS) == other.measure(HERE, at_s, INDOORS)


@given(seed=st.integers(0, 10_000), times_s=st.lists(st.floats(0, 10_000), max_size=20))
def test_accuracy_is_above_zero_and_positions_are_on_earth(seed: int, times_s: list[float]) -> None:
    """Also where time seems to go back."""
    noise = GpsNoise(Random(seed))
    for at_s in times_s:
        measured = noise.measure(HERE, at_s, INDOORS_WIFI)
        assert measured.accuracy_m >= 1.5
        assert distance_m(HERE.point, Point(measured.lat, measured.lon)) < 1_000
