"""Visits that overlap: one fix may be an arrival for several, and one end is that of one."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices import reports
from safety.rules.effects import PlacePosition
from tests.support.days import noted, raised, replace, run
from tests.support.records import (
    METRES_PER_DEGREE,
    PLAN,
    VISIT,
    arrival,
    at,
    event,
    fix,
    position,
    tick,
    ticks,
)

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
    day: list[tuple[int, Any]] = [(second, tick(second)) for second in range(-2_000, 5_000, 10)]
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


NEXT = also(2_000, 1_200, 4_800)
NEXT = replace(NEXT, visits=(VISIT, NEXT.visits[1]))
THERE = (NEXT, tick(0), fix(10, 10), *ticks(15, 1_000))


def begins(seconds: float, at_m: float | None, kind: Any = reports.VisitStarted, visit: str = "vis_2") -> Any:
    """She says that she is at the second visit, and is seen so far north of the first one's address."""
    return event(kind, seconds, visit=visit, position=None if at_m is None else position(at_m))


def watched(*records: Any) -> set[str | None]:
    """The visits whose check-ins are awaited, or whose fence is watched, after all of that."""
    last_s = (records[-1].received_ms - at(0)) // 1000
    far = [fix(last_s + 20 * i, 9_000) for i in range(1, 6)]
    missed = raised("missed_check_in", *records, *ticks(last_s + 5, 4_000))
    return {alert.visit for alert in (*missed, *raised("fence_exit", *records, *far))}


def test_the_visit_that_she_begins_elsewhere_watches_her_instead_of_the_one_before() -> None:
    for kind in (reports.VisitStarted, reports.Arrived):
        assert watched(*THERE, begins(1_010, 2_000, kind)) == {"vis_2"}
        assert watched(*THERE, fix(1_005, 2_000), begins(1_010, None, kind), fix(1_015, 2_000)) == {"vis_2"}


def test_a_start_that_no_fix_bears_out_leaves_her_watched_as_before() -> None:
    assert "vis_1" in watched(*THERE, begins(1_010, 10)), "she is at the first one"
    assert "vis_1" in watched(*THERE, begins(1_010, 5_000)), "she is at neither"
    assert "vis_1" in watched(*THERE, begins(1_010, None)), "nothing tells where she is"
    assert "vis_1" in watched(*THERE, fix(1_005, 10), arrival(begins(900, 2_000).report, 1_010)), (
        "she is back"
    )


def test_a_visit_that_ends_earlier_does_not_watch_instead() -> None:
    nested = (also(2_000, 1_200, 3_000), *THERE[1:])
    assert "vis_1" in watched(
        replace(nested[0], visits=(VISIT, nested[0].visits[1])), *THERE[1:], begins(1_010, 2_000)
    )


def test_a_visit_that_is_not_on_yet_does_not_watch_instead() -> None:
    later = also(2_000, 2_400, 4_800)
    assert "vis_1" in watched(
        replace(later, visits=(VISIT, later.visits[1])), *THERE[1:], begins(1_010, 2_000)
    )


def test_one_of_a_couple_does_not_end_the_other() -> None:
    couple = also(0, 0, 3_600, check_in_every_s=1_800.0)
    couple = replace(couple, visits=(VISIT, couple.visits[1]))
    assert watched(couple, tick(0), fix(10, 10), *ticks(15, 30), begins(30, 10)) == {"vis_1", "vis_2"}


def test_who_goes_back_and_says_so_is_watched_there_again() -> None:
    back = (*THERE, begins(1_010, 2_000), *ticks(1_015, 1_200), begins(1_200, 10, visit="vis_1"))
    assert "vis_1" in watched(*back)
    assert "vis_1" in watched(*back, begins(1_010, 2_000)), "it was heard before"


def test_a_missed_check_in_is_over_when_she_begins_the_next_visit() -> None:
    missed = (NEXT, tick(0), fix(10, 10), *ticks(15, 2_000), begins(2_010, 2_000))
    assert noted("missed_check_in", *missed) == ["checked_in"]


words = st.tuples(
    st.integers(1, 4_700),
    st.sampled_from([reports.VisitStarted, reports.Arrived, reports.Left]),
    st.sampled_from([None, "vis_1", "vis_2"]),
    st.sampled_from([None, 0, 200, 400, 2_000, 9_000]),
)


@settings(max_examples=60, deadline=None)
@given(
    said=st.lists(words, max_size=8),
    north_m=st.sampled_from([0, 250, 2_000]),
    starts_s=st.integers(-1_000, 3_600),
    lasts_s=st.integers(600, 5_000),
)
def test_whatever_she_begins_some_visit_watches_her(
    said: list[Any], north_m: int, starts_s: int, lasts_s: int
) -> None:
    """Until she says that a visit is over, no fix of a visit's time is taken for one of nobody's."""
    plan = also(north_m, starts_s, starts_s + lasts_s)
    day: list[tuple[int, Any]] = [(second, fix(second, 0)) for second in range(0, 5_000, 97)]
    for second, kind, visit, at_m in said:
        where = None if at_m is None else position(at_m)
        day.append((second, event(kind, second, visit=visit, position=where)))
    records = [record for _, record in sorted(day, key=lambda each: each[0])]
    for placed in (effect for effect in run(plan, tick(-1), *records) if isinstance(effect, PlacePosition)):
        time_ms = placed.sight.time_ms
        on = [visit.id for visit in plan.visits if visit.starts_ms <= time_ms <= visit.ends_ms]
        assert placed.visit is not None or not on
