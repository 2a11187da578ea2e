"""Whereabouts: one person's place, by the injected clock and the seed alone."""

from random import Random

from devices.clock import ManualClock
from simulators.geometry import Point, distance_m, offset
from simulators.payloads import Measured
from simulators.steps import Steps
from simulators.whereabouts import Whereabouts

HOME = Point(31.23, 121.46)


def measured(seed: int, late_s: float = 0.0) -> list[Measured]:
    """What is measured every five seconds, each time `late_s` after the machine should have been there."""
    clock = ManualClock()
    where = Whereabouts(HOME, Steps(clock), Random(seed))
    found = []
    clock.advance_s(late_s)
    for moment in range(40):
        if moment == 10:
            where.go([HOME, offset(HOME, 300, 0)], 5.0)
        if moment == 30:
            where.stay(HOME)
        found.append(where.measure())
        clock.advance_s(5)
    return found


def test_the_same_seed_is_in_the_same_places() -> None:
    assert measured(3) == measured(3)
    assert measured(3) != measured(4)


def test_a_machine_that_is_a_little_late_changes_no_measurement() -> None:
    assert measured(3) == measured(3, late_s=0.04)


def test_who_goes_arrives_when_told_and_stays_there() -> None:
    clock = ManualClock()
    where = Whereabouts(HOME, clock, Random(1))
    there = offset(HOME, 300, 0)
    clock.advance_s(1_000)
    takes_s = where.go([HOME, there], 5.0)
    assert abs(takes_s - 60) < 1
    clock.advance_s(takes_s / 2)
    assert abs(distance_m(HOME, where.place().point) - 150) < 3
    assert where.place().speed_mps == 5.0
    clock.advance_s(takes_s)
    assert distance_m(there, where.place().point) < 0.01
