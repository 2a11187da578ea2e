"""Visits that overlap: one fix may be an arrival for several, and one end is that of one."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices import reports
from safety.engine import Record
from tests.support.days import noted, raised, replace
from tests.support.records import METRES_PER_DEGREE, PLAN, VISIT, arrival, at, event, fix, tick, ticks

QUIET = replace(VISIT, check_in_every_s=None)


def also(north_m: float, starts_s: float, ends_s: float, **more: Any) -> Any:
    """The plan with another visit, so far north of the first one, which is from 0 to 3,600 s."""
    second = replace(
        VISIT,
        id="vis_2",
        lat=VISIT.lat + north_m / METRES_PER_DEGREE,
        starts_ms=at(starts_s),
        ends_ms=at(ends_s),
        check_in_every_s=None,
    )
    return replace(PLAN, visits=(QUIET, replace(second, **more)))


def overdue(*records: Any) -> list[tuple[str | None, Any]]:
    """The visits that were overdue, and how."""
    return [(alert.visit, alert.why["how"]) for alert in raised("overdue_visit", *records)]


def test_who_comes_to_a_couple_has_come_to_both() -> None:
    assert not overdue(also(0, 0, 3_600), tick(0), fix(10, 10), *ticks(15, 3_000))


def test_who_goes_to_the_next_visit_before_the_end_of_this_one_has_come() -> None:
    two = also(2_000, 1_200, 4_800)
    there = (two, tick(0), fix(10, 10), *ticks(15, 1_500), fix(1_500, 2_000), *ticks(1_505, 3_000))
    assert not overdue(*there)
    late = (two, tick(0), fix(10, 10), *ticks(15, 2_200), fix(2_300, 2_000))
    assert overdue(*late) == [("vis_2", "not_arrived")]
    assert noted("overdue_visit", *late) == ["arrived"]


def test_a_fix_that_comes_late_is_an_arrival_for_both() -> None:
    late = [fix(second, 10, received_s=100) for second in (50, 60)]
    assert not overdue(also(0, 0, 3_600), tick(0), fix(70, 1_000), *late, *ticks(105, 3_000))


def test_a_fix_long_before_a_visit_is_no_arrival() -> None:
    two = also(0, 1_200, 4_800)
    assert overdue(two, tick(0), fix(200, 10), *ticks(205, 2_200)) == [("vis_2", "not_arrived")]
    assert not overdue(two, tick(0), fix(310, 10), *ticks(315, 2_200))


def test_an_end_at_the_address_of_the_next_visit_ends_this_one() -> None:
    """She is there for both; the one that she leaves is the one that is on."""
    two = also(0, 3_600, 7_200)
    ended = (two, tick(0), fix(10, 10), *ticks(15, 3_000), fix(3_000, 10), event(reports.VisitEnded, 3_500))
    again = (*ended, event(reports.VisitEnded, 3_510))
    for said in (ended, again):
        away = [fix(4_000 + 20 * i, 1_000) for i in range(4)]
        assert [alert.visit for alert in raised("fence_exit", *said, fix(3_900, 10), *away)] == ["vis_2"]
        assert overdue(*said, *ticks(3_600, 9_000)) == [("vis_2", "past_end")]


def test_ends_that_come_in_together_end_each_its_own_visit() -> None:
    two = also(0, 1_800, 5_400)
    kept = [arrival(reports.VisitEnded(time_ms=at(said_s)), 5_000) for said_s in (1_700, 4_900)]
    assert not overdue(two, tick(0), fix(10, 10), *ticks(4_990, 5_000), *kept, *ticks(5_005, 9_000))


def test_who_left_and_went_to_the_next_visit_early_ends_that_one() -> None:
    left = (also(2_000, 3_600, 7_200), tick(0), fix(10, 10), *ticks(15, 2_900), event(reports.Left, 2_900))
    early = (*left, fix(3_000, 2_000), *ticks(3_005, 3_500), event(reports.VisitEnded, 3_500))
    assert not overdue(*early, *ticks(3_505, 9_000))


fixes = st.tuples(st.integers(1, 3_600), st.integers(0, 3_000))


@settings(max_examples=30, deadline=None)
@given(
    north_m=st.integers(0, 3_000),
    starts_s=st.integers(-1_800, 3_000),
    seen=st.lists(fixes, max_size=6, unique_by=lambda each: each[0]),
)
def test_each_visit_is_held_against_every_fix_of_its_own_time(
    north_m: int, starts_s: int, seen: list[tuple[int, int]]
) -> None:
    day: list[tuple[int, Record]] = [(second, tick(second)) for second in range(-2_000, 5_000, 10)]
    day += [(second, fix(second, at_m)) for second, at_m in seen]
    records = [record for _, record in sorted(day, key=lambda each: each[0])]
    plan = also(north_m, starts_s, starts_s + 3_600)
    late = {visit for visit, how in overdue(plan, *records) if how == "not_arrived"}
    for visit, there_m, start_s in (("vis_1", 0, 0), ("vis_2", north_m, starts_s)):
        there = [second for second, at_m in seen if abs(at_m - there_m) <= 149]
        if any(start_s - 900 <= second <= start_s + 890 for second in there):
            assert visit not in late
        if not any(abs(at_m - there_m) <= 151 for _, at_m in seen):
            assert visit in late
