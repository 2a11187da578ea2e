"""Visits: who does not come, stays too long, or says that she is there and is not."""

from typing import Any

import pytest

from devices import reports
from safety.domain.plan import NursePlan
from safety.rules.effects import RaiseAlert
from tests.support.days import noted, plan_of, raised, replace, run
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

QUIET = plan_of(check_in_every_s=None)
OVER_S = 3_600
HOWS = ("not_arrived", "past_end", "wrong_address")


def overdue(how: str, *records: Any) -> list[RaiseAlert]:
    assert how in HOWS
    return [alert for alert in raised("overdue_visit", *records) if alert.why["how"] == how]


def test_who_has_not_come_after_the_grace_is_overdue_once() -> None:
    (alert,) = overdue("not_arrived", QUIET, *ticks(0, 1_500))
    assert (alert.severity, alert.visit, alert.occurred_ms) == ("warning", "vis_1", at(0))
    assert (alert.why["grace_s"], alert.why["after_s"]) == (900.0, 900.0)
    assert not overdue("not_arrived", QUIET, *ticks(0, 895))


def test_who_does_not_come_to_a_short_visit_is_told_when_the_grace_is_over() -> None:
    for ends_s in (300, 900, 901):
        short = plan_of(check_in_every_s=None, ends_ms=at(ends_s))
        (alert,) = overdue("not_arrived", tick(-60), short, *ticks(-55, 1_100))
        assert (alert.occurred_ms, alert.received_ms) == (at(0), at(900))


def test_who_comes_to_a_short_visit_after_its_end_and_within_the_grace_has_come() -> None:
    short = plan_of(check_in_every_s=None, ends_ms=at(300))
    assert not overdue("not_arrived", tick(-60), short, *ticks(-55, 600), fix(600, 10), *ticks(605, 1_195))
    assert overdue("past_end", tick(-60), short, *ticks(-55, 600), fix(600, 10), *ticks(605, 1_205))


def test_a_fix_at_the_address_is_an_arrival() -> None:
    assert not overdue("not_arrived", QUIET, fix(-300, 100), *ticks(0, 1_500))
    assert overdue("not_arrived", QUIET, fix(100, 2_000), *ticks(0, 1_500))


def test_a_fix_at_the_address_that_comes_in_after_newer_ones_is_an_arrival() -> None:
    left = (QUIET, tick(0), fix(800, 1_000), *ticks(805, 850), fix(700, 10, received_s=850))
    assert not overdue("not_arrived", *left, *ticks(855, 1_500))
    assert not raised("fence_exit", *left, *(fix(860 + 20 * i, 1_000) for i in range(4))), "only her arrival"
    told = (QUIET, *ticks(0, 1_000), fix(1_000, 1_000), fix(700, 10, received_s=1_001))
    assert noted("overdue_visit", *told) == ["arrived"]
    before = fix(-1_000, 10, received_s=860)
    assert overdue(
        "not_arrived", QUIET, tick(0), fix(800, 1_000), *ticks(805, 860), before, *ticks(865, 1_500)
    )


def test_her_word_is_an_arrival() -> None:
    for said in (reports.Arrived, reports.VisitStarted):
        assert not overdue("not_arrived", QUIET, tick(-60), event(said, -30), *ticks(0, 1_500))


def test_who_comes_late_is_noted() -> None:
    assert noted("overdue_visit", QUIET, *ticks(0, 1_000), fix(1_010, 20)) == ["arrived"]


def test_who_says_that_she_is_there_and_is_not_is_at_the_wrong_address() -> None:
    there = (QUIET, tick(0), fix(50, 1_000), event(reports.Arrived, 60))
    (alert,) = overdue("wrong_address", *there)
    assert (alert.device, alert.why["radius_m"]) == ("dev_1", 150.0)
    assert alert.why["distance_m"] == pytest.approx(1_000, abs=2)
    assert alert.position is not None
    assert not overdue("not_arrived", *there, *ticks(65, 1_500)), "she has said where she is"
    assert noted("overdue_visit", *there, fix(600, 20)) == ["arrived"]


def test_only_a_clear_fix_tells_a_wrong_address() -> None:
    poor = fix(50, 1_000, accuracy_m=900)
    old = fix(-200, 1_000)
    near = fix(50, 240)
    for seen in (poor, old, near):
        assert not overdue("wrong_address", QUIET, tick(-300), seen, event(reports.Arrived, 60))


def test_the_position_with_the_word_counts_before_any_fix() -> None:
    said = arrival(reports.VisitStarted(time_ms=at(60), position=position(3_000)), 60)
    assert overdue("wrong_address", QUIET, tick(0), fix(50, 10), said)


def test_a_visit_that_goes_on_is_overdue() -> None:
    (alert,) = overdue("past_end", QUIET, fix(10, 10), *ticks(3_000, 5_000))
    assert (alert.severity, alert.occurred_ms, alert.why["arrived_ms"]) == ("high", at(OVER_S), at(10))
    assert not overdue("past_end", QUIET, fix(10, 10), *ticks(3_000, OVER_S + 895))


def test_an_end_or_a_departure_in_time_is_enough() -> None:
    for said in (reports.VisitEnded, reports.Left):
        for when_s in (3_000, OVER_S + 600):
            early = ticks(2_990, when_s)
            assert not overdue("past_end", QUIET, *early, event(said, when_s), *ticks(when_s, 6_000))


def test_who_is_seen_elsewhere_after_the_end_has_left() -> None:
    gone = [fix(OVER_S + 60 * i, 3_000) for i in range(1, 4)]
    assert not overdue("past_end", QUIET, fix(10, 10), tick(OVER_S), *gone, *ticks(OVER_S + 200, 6_000))
    still = [fix(OVER_S + 60 * i, 100) for i in range(1, 4)]
    assert overdue("past_end", QUIET, fix(10, 10), tick(OVER_S), *still, *ticks(OVER_S + 200, 6_000))


def test_an_end_that_comes_after_the_alert_is_noted() -> None:
    late = (QUIET, fix(10, 10), *ticks(3_000, 5_000), event(reports.VisitEnded, 5_010))
    assert noted("overdue_visit", *late) == ["ended"]
    assert not overdue("past_end", *late, *ticks(5_015, 9_000))[1:]


def test_an_end_that_was_on_its_way_for_long_ends_its_own_visit() -> None:
    later = replace(VISIT, id="vis_2", starts_ms=at(5_000), ends_ms=at(9_000), check_in_every_s=None)
    two = replace(QUIET, visits=(*QUIET.visits, later))
    ended = arrival(reports.VisitEnded(time_ms=at(3_000)), 5_300)
    alerts = raised("overdue_visit", two, fix(10, 10), *ticks(0, 4_490), ended, *ticks(5_300, 6_000))
    assert [(alert.visit, alert.why["how"]) for alert in alerts] == [("vis_2", "not_arrived")]


def test_another_visit_begins_where_this_one_ends() -> None:
    later = replace(VISIT, id="vis_2", starts_ms=at(3_600), ends_ms=at(7_200), check_in_every_s=None)
    two = replace(QUIET, visits=(*QUIET.visits, later))
    begun = (two, fix(10, 10), *ticks(3_500, 3_650), event(reports.VisitStarted, 3_660, visit="vis_2"))
    assert not overdue("past_end", *begun, *ticks(3_660, 5_000))


def test_high_risk_halves_the_grace() -> None:
    risky = plan_of(check_in_every_s=None, risk="high")
    (alert,) = overdue("not_arrived", risky, *ticks(0, 460))
    assert alert.why["grace_s"] == 450.0


def test_an_organisation_and_a_visit_have_their_own_grace() -> None:
    ours = plan_of(check_in_every_s=None, limits={"arrival_grace_s": 300.0})
    assert overdue("not_arrived", ours, *ticks(0, 305))
    own = plan_of(check_in_every_s=None, limits={"arrival_grace_s": 300.0})
    own = replace(own, visits=(replace(own.visits[0], limits={"arrival_grace_s": 1_200.0}),))
    assert not overdue("not_arrived", own, *ticks(0, 1_190))
    assert overdue("not_arrived", own, *ticks(0, 1_205))


def test_a_visit_entered_long_after_its_end_is_a_record() -> None:
    assert not raised("overdue_visit", tick(OVER_S + 3_700), QUIET, *ticks(OVER_S + 3_705, OVER_S + 9_000))
    assert overdue("past_end", tick(OVER_S + 1_800), QUIET, tick(OVER_S + 1_801))
    assert not overdue("not_arrived", tick(OVER_S + 1_800), QUIET, *ticks(OVER_S + 1_805, OVER_S + 3_000))


def test_more_time_asks_the_question_anew() -> None:
    longer = replace(QUIET, visits=(replace(QUIET.visits[0], ends_ms=at(9_000)),))
    first = (QUIET, fix(10, 10), *ticks(3_000, 5_000))
    alerts = overdue("past_end", *first, longer, *ticks(5_005, 9_905))
    assert [alert.occurred_ms for alert in alerts] == [at(3_600), at(9_000)]
    assert len({alert.id for alert in alerts}) == 2


def test_what_she_said_while_the_service_was_away_is_awaited() -> None:
    away: tuple[Any, ...] = (QUIET, fix(10, 10), *ticks(0, 4_000))
    assert not overdue("past_end", *away, *ticks(6_000, 6_055))
    assert overdue("past_end", *away, *ticks(6_000, 6_065))


def test_a_plan_without_visits_is_watched_by_nothing() -> None:
    assert not raised("overdue_visit", NursePlan(nurse="nur_1", org="org_1"), *ticks(0, 9_000))


def test_an_end_that_is_said_twice_leaves_the_next_visit_watched() -> None:
    later = replace(VISIT, id="vis_2", starts_ms=at(3_600), ends_ms=at(7_200), check_in_every_s=None)
    two = replace(QUIET, visits=(*QUIET.visits, later))
    for again_s in (3_500, 3_510):
        ends = [event(reports.VisitEnded, 3_500), *ticks(3_505, again_s), event(reports.VisitEnded, again_s)]
        alerts = raised("overdue_visit", two, fix(10, 10), *ticks(3_000, 3_495), *ends, *ticks(3_610, 4_600))
        assert [alert.visit for alert in alerts] == ["vis_2"]


def test_a_plan_that_changes_on_duty_is_looked_at_with_the_next_tick() -> None:
    low = arrival(reports.Fix(time_ms=at(-900), position=position(9_000), battery_pct=5.0), -900)
    bare = replace(QUIET, visits=())
    (alert,) = raised("battery_low", bare, tick(-910), low, *ticks(-895, -600), QUIET, *ticks(-595, -590))
    assert alert.received_ms == at(-595)


ENDED = (PLAN, fix(10, 10), *ticks(0, 600), event(reports.VisitEnded, 600))
AGAIN = [
    (reports.VisitStarted, {"visit": "vis_1"}),
    (reports.Arrived, {"visit": "vis_1"}),
    (reports.VisitStarted, {}),
]


@pytest.mark.parametrize(("said", "named"), AGAIN)
def test_a_visit_that_she_begins_again_after_its_end_is_watched_as_before(said: Any, named: Any) -> None:
    for between in ([], [fix(700, 3_000), fix(760, 3_000)]):
        again = (*ENDED, *ticks(605, 895), *between, event(said, 900, **named), *ticks(905, 930))
        (missed,) = raised("missed_check_in", *again, *ticks(935, 4_000))
        assert missed.occurred_ms == at(2_700), "the wait for a check-in starts anew"
        assert overdue("past_end", *again, *ticks(935, OVER_S + 905))
        away = [fix(940, 10), *(fix(950 + 20 * i, 1_000) for i in range(5))]
        assert [alert.occurred_ms for alert in raised("fence_exit", *again, *away)] == [at(950)]


def test_the_end_of_a_visit_that_she_began_again_ends_it_again() -> None:
    again = (*ENDED, *ticks(605, 900), event(reports.VisitStarted, 900, visit="vis_1"), *ticks(905, 1_200))
    assert not raised("missed_check_in", *again, event(reports.VisitEnded, 1_200), *ticks(1_205, 6_000))
    twice = event(reports.VisitEnded, 600)
    assert raised("missed_check_in", *again, twice, *ticks(1_205, 6_000)), "it was heard before"


def test_a_start_that_comes_in_after_the_end_begins_nothing_again() -> None:
    for named in ("vis_1", None):
        late = arrival(reports.VisitStarted(time_ms=at(30), visit=named), 700)
        assert not raised("missed_check_in", *ENDED, *ticks(605, 700), late, *ticks(705, 6_000))


def test_a_start_that_can_mean_the_next_visit_does() -> None:
    later = replace(VISIT, id="vis_2", starts_ms=at(3_600), ends_ms=at(7_200))
    two = replace(PLAN, visits=(VISIT, later))
    begun = (two, *ENDED[1:], *ticks(605, 900), event(reports.VisitStarted, 900), *ticks(905, 6_000))
    assert [alert.visit for alert in raised("missed_check_in", *begun)] == ["vis_2"]


def test_a_visit_that_goes_on_after_all_is_told_again() -> None:
    late = (QUIET, fix(10, 10), *ticks(3_000, 4_600), event(reports.VisitEnded, 4_600), *ticks(4_605, 4_700))
    again = (*late, event(reports.VisitStarted, 4_700, visit="vis_1"), *ticks(4_705, 6_000))
    first, second = overdue("past_end", *again)
    assert first.id != second.id
    assert second.received_ms == at(4_700 + 900)


def test_a_visit_that_was_ended_and_is_put_off_is_watched_anew() -> None:
    moved = plan_of(starts_ms=at(7_200), ends_ms=at(10_800))
    anew = (*ENDED, *ticks(605, 900), moved, *ticks(905, 8_105))
    (alert,) = overdue("not_arrived", *anew)
    assert alert.occurred_ms == at(7_200)
    assert [alert.occurred_ms for alert in raised("missed_check_in", *anew, *ticks(8_110, 9_200))] == [
        at(9_000)
    ]
    away = [fix(7_300, 10), *(fix(7_310 + 20 * i, 1_000) for i in range(5))]
    assert raised("fence_exit", *anew[:-1], *away)


def test_another_start_that_had_passed_when_she_ended_it_changes_nothing() -> None:
    moved = plan_of(starts_ms=at(300), ends_ms=at(3_600))
    assert not run(*ENDED, *ticks(605, 900), moved, *ticks(905, 6_000))[len(run(*ENDED)) :]


def _north(north_m: float, **changed: Any) -> NursePlan:
    """The usual visit, with its address so much farther north."""
    return plan_of(check_in_every_s=None, lat=VISIT.lat + north_m / METRES_PER_DEGREE, **changed)


def test_who_was_never_at_the_new_address_has_not_left_it_and_is_awaited_there() -> None:
    there = (QUIET, tick(0), fix(10, 10), *ticks(15, 1_500), fix(1_500, 10), _north(2_000))
    stays = [record for second in range(1_505, 2_700, 5) for record in (tick(second), fix(second + 1, 10))]
    assert not raised("fence_exit", *there, *stays)
    (alert,) = overdue("not_arrived", *there, *stays)
    assert alert.received_ms == at(1_500 + 900), "the grace counts from when the address was changed"
    goes = [fix(1_700, 1_000), fix(1_800, 2_000), *(fix(1_900 + 20 * i, 3_000) for i in range(4))]
    assert [alert.occurred_ms for alert in raised("fence_exit", *there, *goes)] == [at(1_900)]


def test_a_correction_of_the_address_she_is_at_changes_nothing() -> None:
    there = (QUIET, tick(0), fix(10, 10), *ticks(15, 1_500), fix(1_500, 10), _north(60))
    assert not overdue("not_arrived", *there, *ticks(1_505, 3_000))
    assert raised("fence_exit", *there, *(fix(1_510 + 20 * i, 1_000) for i in range(4)))


def test_who_came_for_another_time_is_awaited_for_the_new_one() -> None:
    later = plan_of(check_in_every_s=None, starts_ms=at(3_000), ends_ms=at(6_600))
    there = (QUIET, tick(0), fix(10, 10), *ticks(15, 600), later, *ticks(605, 2_195))
    on_her_way = [fix(2_200 + 20 * i, 1_000) for i in range(4)]
    assert not raised("fence_exit", *there, *on_her_way)
    (alert,) = overdue("not_arrived", *there, *on_her_way, *ticks(2_300, 3_905))
    assert alert.occurred_ms == at(3_000)
    assert not overdue("not_arrived", *there, fix(2_200, 10), *ticks(2_205, 3_905))


def test_who_is_there_when_the_start_is_put_off_a_little_stays_there() -> None:
    later = plan_of(check_in_every_s=None, starts_ms=at(1_200), ends_ms=at(4_800))
    there = (QUIET, tick(0), fix(10, 10), *ticks(15, 600), fix(600, 10), later, *ticks(605, 2_200))
    assert not overdue("not_arrived", *there)
    assert raised("fence_exit", *there, *(fix(2_200 + 20 * i, 1_000) for i in range(4)))
