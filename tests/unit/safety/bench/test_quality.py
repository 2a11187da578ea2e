"""Quality: scores, the reference rules, and the whole benchmark in its short form."""

import pytest

from safety.bench.engine_rule import vigil
from safety.bench.noise import REGIMES, seeded
from safety.bench.quality import GATED, NAIVE, OURS, Size, measure, rows
from safety.bench.recording import Crossing, Outing, Reading, Recording
from safety.bench.reference_rules import accuracy_gated, set_difference
from safety.bench.score import Score, score
from safety.bench.visits import BUFFER_M, RADIUS_M, START_MS, STAY_S, simulate
from safety.domain.fence import Circle
from safety.domain.plan import VisitPlan
from tests.support.records import HOME_LAT, HOME_LON, METRES_PER_DEGREE, T0_MS, at

VISIT = VisitPlan(id="vis_0", lat=HOME_LAT, lon=HOME_LON, radius_m=150.0, starts_ms=T0_MS, ends_ms=at(3_600))


def reading(seconds: float, north_m: float, accuracy_m: float | None = 8.0) -> Reading:
    return Reading(at(seconds), at(seconds), HOME_LAT + north_m / METRES_PER_DEGREE, HOME_LON, accuracy_m)


def recording(*readings: Reading, outings: tuple[Outing, ...] | None = ()) -> Recording:
    return Recording(VISIT, Circle(HOME_LAT, HOME_LON, 150.0), readings, at(0), outings)


def left(seconds: float) -> Crossing:
    return Crossing(at(seconds), out=True)


def back(seconds: float) -> Crossing:
    return Crossing(at(seconds), out=False)


STAYED = recording(reading(0, 0), reading(3_600, 0))
WENT = recording(reading(0, 0), reading(3_600, 0), outings=(Outing(at(1_000), at(1_020)),))


def test_an_exit_of_who_stayed_is_false() -> None:
    found = score(STAYED, [left(100), back(110), left(200)])
    assert found == Score(hours=1.0, false_exits=2)
    assert found.false_per_1000_h == pytest.approx(2_000)


def test_what_is_said_before_she_arrived_is_not_scored() -> None:
    assert score(STAYED._replace(watch_ms=at(1_800)), [left(100)]) == Score(hours=0.5)


@pytest.mark.parametrize(
    ("said", "false_exits", "delays_s"),
    [
        ([left(1_080)], 0, (60.0,)),
        ([left(1_010)], 0, (0.0,)),
        ([left(900), back(910), left(1_050)], 1, (30.0,)),
        ([left(900)], 1, (0.0,)),
        ([left(900), back(1_010)], 1, ()),
        ([], 0, ()),
    ],
    ids=["seen", "early", "again", "standing", "withdrawn", "missed"],
)
def test_a_true_exit_is_seen_or_missed(
    said: list[Crossing], false_exits: int, delays_s: tuple[float, ...]
) -> None:
    found = score(WENT, said)
    assert (found.false_exits, found.delays_s, found.missed) == (false_exits, delays_s, 1 - len(delays_s))
    assert found.hours == pytest.approx(1_000 / 3_600)


def test_coming_back_ends_a_true_exit() -> None:
    there = WENT._replace(outings=(Outing(at(1_000), at(1_020), at(2_000)),))
    found = score(there, [left(2_500)])
    assert (found.false_exits, found.missed) == (1, 1)
    assert found.hours == pytest.approx(2_600 / 3_600)


def test_the_set_difference_takes_every_crossing_of_the_edge() -> None:
    jumps = recording(reading(0, 400), reading(10, 10), reading(20, 151, 500.0), reading(30, 149))
    assert set_difference([jumps]) == [[back(10), left(20), back(30)]]


def test_the_gated_rule_wants_more_than_the_accuracy_and_a_buffer() -> None:
    unsure = recording(reading(0, 10), reading(10, 270, 100.0), reading(20, 160), reading(30, 190))
    assert accuracy_gated([unsure]) == [[left(30)]]
    unknown = recording(reading(0, 10), reading(10, 220, None), reading(20, 230, None))
    assert accuracy_gated([unknown]) == [[left(20)]]


def test_our_rule_is_the_engine_itself() -> None:
    jump = recording(reading(0, 10), reading(10, 10), reading(20, 400), *(reading(t, 10) for t in (30, 40)))
    gone = recording(
        *(reading(10 * i, 0) for i in range(6)), *(reading(60 + 10 * i, 14.0 * i) for i in range(40))
    )
    nothing, (told,) = vigil([jump, gone])
    assert nothing == []
    assert told.out
    assert at(60) < told.at_ms < at(460)


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_a_simulated_visit_tells_what_is_true(regime: object) -> None:
    index = next(i for i, one in enumerate(REGIMES) if one is regime)
    gone = simulate(seeded(index), REGIMES[index], 1, leaves=True)
    stayed = simulate(seeded(index), REGIMES[index], 2, leaves=False)
    assert stayed.outings == ()
    assert gone.outings is not None
    (outing,) = gone.outings
    assert gone.watch_ms < outing.left_ms < outing.clear_ms < START_MS + STAY_S * 1000
    walked_s = (outing.clear_ms - outing.left_ms) / 1000
    assert BUFFER_M / 6 <= walked_s <= BUFFER_M / 1.0
    late = [r for r in gone.readings if r.time_ms > outing.clear_ms + 240_000 and (r.accuracy_m or 0) < 60]
    middle = Circle(gone.visit.lat, gone.visit.lon, RADIUS_M)
    far_m = sorted(middle.outside_by_m(r.lat, r.lon) for r in late)
    assert far_m[len(far_m) // 2] > 60, "she walks more than radius + 100 m away"
    assert [r.received_ms for r in gone.readings] == sorted(r.received_ms for r in gone.readings)


def test_the_same_seed_gives_the_same_scores() -> None:
    assert measure(Size(visits=2, seed=5)) == measure(Size(visits=2, seed=5))


def test_the_short_form_finds_every_exit_and_few_that_are_none() -> None:
    scores = measure(Size(visits=12))
    assert set(scores) == {regime.name for regime in REGIMES}
    total = {name: sum(by[name].false_exits for by in scores.values()) for name in (NAIVE, GATED, OURS)}
    assert total[OURS] * 10 < total[NAIVE]
    assert total[OURS] < total[GATED] < total[NAIVE]
    assert sum(by[OURS].missed for by in scores.values()) == 0
    table = {row["what"]: row for row in rows(scores)}
    assert table["vigil: missed exits"]["ok"]
    assert table["vigil: delay p95"]["target"] == "<= 90"
    assert table["vigil: false exits"]["floor"] == table["set difference: false exits"]["value"]
    assert table["false exits of set difference for one of vigil"]["target"] == ">= 50"
    assert table["gaps, vigil: missed exits"]["value"] == 0
