"""Geofence, check-in and silence, as scenarios of one visit."""

from typing import Any

import msgspec

from devices import reports
from safety.domain.plan import FencePlan, OrgPlan
from safety.engine import TelemetryEngine
from safety.rules.effects import Effect, HearDevice, NoteAlert, PlacePosition, RaiseAlert
from tests.support.records import (
    HOME_LAT,
    HOME_LON,
    PLAN,
    VISIT,
    arrival,
    at,
    event,
    fix,
    panic,
    position,
    tick,
    ticks,
)


def run(*records: Any) -> list[Effect]:
    engine = TelemetryEngine()
    return [effect for record in records for effect in engine.step(record)]


def alerts(*records: Any) -> list[RaiseAlert]:
    return [effect for effect in run(*records) if isinstance(effect, RaiseAlert)]


def of(kind: str, *records: Any) -> list[RaiseAlert]:
    return [alert for alert in alerts(*records) if alert.kind == kind]


def notes(*records: Any) -> list[str]:
    return [effect.what for effect in run(*records) if isinstance(effect, NoteAlert)]


ARRIVED = (PLAN, fix(0, 10), fix(10, 20))


def test_leaving_is_told_after_dwelling_outside() -> None:
    (alert,) = alerts(*ARRIVED, fix(20, 400), fix(30, 420), fix(50, 440))
    assert (alert.kind, alert.severity, alert.visit) == ("fence_exit", "warning", "vis_1")
    assert alert.occurred_ms == at(20)
    assert alert.why["fixes"] == 3


def test_one_jump_is_no_exit() -> None:
    assert not alerts(*ARRIVED, fix(20, 900), fix(30, 15), fix(60, 900), fix(70, 10))


def test_a_poor_fix_is_no_exit_and_its_accuracy_is_capped() -> None:
    assert not alerts(*ARRIVED, *(fix(20 + 10 * i, 260, accuracy_m=100) for i in range(5)))
    assert alerts(*ARRIVED, *(fix(20 + 10 * i, 300, accuracy_m=150) for i in range(5)))


def test_who_was_never_inside_has_not_left() -> None:
    assert not alerts(PLAN, *(fix(10 * i, 5_000) for i in range(20)))


def test_time_alone_completes_the_dwell() -> None:
    assert alerts(*ARRIVED, fix(20, 400), fix(21, 400), tick(30), tick(51))
    assert not alerts(*ARRIVED, fix(20, 400), tick(30), tick(60))


def test_old_and_repeated_fixes_change_nothing() -> None:
    left = (*ARRIVED, fix(20, 400), fix(30, 420), fix(50, 440))
    assert len(alerts(*left, fix(5, 10), fix(50, 440), fix(50, 440))) == 1
    assert not notes(*left, fix(5, 10), fix(6, 10), fix(35, 10))


def test_coming_back_is_noted_once_and_leaving_again_is_another_alert() -> None:
    left = (*ARRIVED, fix(20, 400), fix(30, 420), fix(50, 440))
    back = (*left, fix(60, 10), fix(70, 10), fix(91, 10))
    assert notes(*back) == ["returned"]
    assert len(alerts(*back, fix(100, 400), fix(110, 400), fix(131, 400))) == 2


def test_leaving_after_the_visit_ended_is_no_exit() -> None:
    ended = (*ARRIVED, event(reports.VisitEnded, 15))
    assert not alerts(*ended, fix(20, 400), fix(30, 420), fix(50, 440))


def test_ending_the_visit_on_the_way_out_is_no_exit() -> None:
    assert not alerts(*ARRIVED, fix(20, 400), fix(30, 420), event(reports.VisitEnded, 35), tick(51), tick(70))


def test_a_fix_from_the_future_does_not_stop_the_fence() -> None:
    future = arrival(reports.Fix(time_ms=at(9_999_999), position=position(10)), 15)
    (alert,) = alerts(*ARRIVED, future, fix(20, 400), fix(30, 420), fix(50, 440))
    assert alert.kind == "fence_exit"


def test_where_a_device_was_before_a_hand_over_is_nobodys() -> None:
    phone = msgspec.structs.replace(PLAN.devices[0], bound_ms=at(60))
    kept = fix(30, 900, received_s=70)
    effects = run(msgspec.structs.replace(PLAN, devices=(phone,)), kept, fix(61, 0, received_s=71))
    placed = [effect.sight.time_ms for effect in effects if isinstance(effect, PlacePosition)]
    assert placed == [at(61)]
    assert [effect.device for effect in effects if isinstance(effect, HearDevice)] == ["dev_1"]


def test_a_track_is_kept_only_during_a_visit_and_the_map_takes_the_newest() -> None:
    hour = 3_600
    places = [
        effect
        for effect in run(PLAN, fix(-2 * hour, 0), fix(20, 10), fix(10, 10))
        if isinstance(effect, PlacePosition)
    ]
    assert [(place.visit is not None, place.newest) for place in places] == [
        (False, True),
        (True, True),
        (True, False),
    ]


def test_shared_fences_keep_in_and_keep_out() -> None:
    def square(id: str, mode: str, north_m: float, half_m: float) -> FencePlan:
        d = half_m / 110_900
        lat, lon = HOME_LAT + north_m / 110_900, HOME_LON
        ring = [
            [lon - d, lat - d],
            [lon + d, lat - d],
            [lon + d, lat + d],
            [lon - d, lat + d],
            [lon - d, lat - d],
        ]
        return FencePlan(id=id, mode=mode, geometry={"type": "Polygon", "coordinates": [ring]})

    fences = OrgPlan(
        org="org_1", fences=(square("in", "stay_in", 0, 2_000), square("out", "keep_out", 700, 100))
    )
    away = [fix(20 + 10 * i, 700) for i in range(4)]
    assert [alert.kind for alert in alerts(PLAN, fences, *away)] == ["fence_enter"]
    assert notes(PLAN, fences, *away, *(fix(60 + 10 * i, 300) for i in range(4))) == ["returned"]
    near, far = [fix(10 * i, 1_000) for i in range(2)], [fix(90 + 10 * i, 3_000) for i in range(4)]
    assert [alert.kind for alert in alerts(PLAN, fences, *near, *far)] == ["fence_exit"]


def test_a_missed_check_in_needs_no_phone() -> None:
    (alert,) = of("missed_check_in", PLAN, *ticks(0, 2_000))
    assert (alert.severity, alert.occurred_ms) == ("high", at(1_800))
    assert not of("missed_check_in", PLAN, *ticks(0, 1_915))


def test_checking_in_starts_the_timer_again() -> None:
    checked = (PLAN, *ticks(0, 1_700), event(reports.CheckedIn, 1_700), *ticks(1_705, 3_600))
    assert "missed_check_in" not in [alert.kind for alert in alerts(*checked)]
    assert "missed_check_in" in [alert.kind for alert in alerts(*checked, *ticks(3_605, 3_700))]


def test_a_late_check_in_is_noted() -> None:
    assert "checked_in" in notes(PLAN, *ticks(0, 2_000), event(reports.CheckedIn, 2_010))


def test_a_visit_added_late_is_not_missed_at_once() -> None:
    assert not of("missed_check_in", tick(1_790), PLAN, *ticks(1_795, 3_590))


def test_of_a_visit_that_was_cancelled_nothing_is_watched() -> None:
    cancelled = msgspec.structs.replace(PLAN, visits=())
    away = [fix(70 + s, 900) for s in range(0, 60, 10)]
    assert alerts(*ARRIVED, cancelled, *away, *ticks(140, 5_000)) == []


def test_an_ended_visit_awaits_no_check_in() -> None:
    assert not alerts(PLAN, *ticks(0, 60), event(reports.VisitEnded, 60, visit="vis_1"), *ticks(65, 3_500))


def test_a_check_in_that_waited_while_the_service_was_away_is_awaited() -> None:
    away = (PLAN, *ticks(0, 1_700))
    checked = (*away, *ticks(2_500, 2_540), event(reports.CheckedIn, 2_541), *ticks(2_545, 2_700))
    assert not of("missed_check_in", *away, *ticks(2_500, 2_555))
    assert not of("missed_check_in", *checked)
    assert of("missed_check_in", *away, *ticks(2_500, 2_565))


NEXT_VISIT = msgspec.structs.replace(VISIT, id="vis_2", starts_ms=at(8_000), ends_ms=at(12_000))
TWO_VISITS = msgspec.structs.replace(PLAN, visits=(VISIT, NEXT_VISIT))


def missed_on(*records: Any) -> list[str | None]:
    return [alert.visit for alert in alerts(*records) if alert.kind == "missed_check_in"]


def test_an_end_that_names_no_visit_leaves_the_next_one_watched() -> None:
    ended = (TWO_VISITS, tick(1_000), event(reports.VisitEnded, 1_500))
    assert missed_on(*ended, *ticks(1_600, 10_000)) == ["vis_2"]


def test_an_end_that_comes_late_is_still_that_of_its_visit() -> None:
    late = (TWO_VISITS, tick(10), event(reports.CheckedIn, 1_700), event(reports.VisitEnded, 7_900))
    assert missed_on(*late, *ticks(7_910, 10_000)) == ["vis_2"]


QUIET = msgspec.structs.replace(PLAN, visits=(msgspec.structs.replace(VISIT, check_in_every_s=None),))


def test_a_phone_that_stops_reporting_is_silent() -> None:
    heard = (QUIET, *ticks(0, 60), fix(60, 10))
    (alert,) = alerts(*heard, *ticks(65, 500))
    assert (alert.kind, alert.device, alert.occurred_ms) == ("device_silent", "dev_1", at(60))
    assert not alerts(*heard, *ticks(65, 239))
    assert notes(*heard, *ticks(65, 245), fix(300, 10)) == ["heard_again"]


def test_a_last_will_counts_after_a_while() -> None:
    gone = arrival(reports.StatusReported(time_ms=at(60), online=False), 60)
    back = arrival(reports.StatusReported(time_ms=at(80), online=True), 80)
    heard = (QUIET, *ticks(0, 50), fix(50, 10), *ticks(55, 60), gone)
    assert not alerts(*heard, *ticks(65, 80), back, *ticks(85, 200))
    (alert,) = alerts(*heard, *ticks(65, 95))
    assert alert.why["how"] == "last_will"


def test_silence_while_the_service_was_away_means_nothing() -> None:
    heard = (QUIET, *ticks(0, 60), fix(60, 10), *ticks(65, 100))
    assert not alerts(*heard, *ticks(1_000, 1_175))
    assert alerts(*heard, *ticks(1_000, 1_180))


def test_silence_outside_a_visit_means_nothing() -> None:
    assert not alerts(QUIET, fix(-3_000, 10), *ticks(-3_000, 0))


def test_her_way_is_kept_for_an_hour_after_an_alarm() -> None:
    nobody = msgspec.structs.replace(PLAN, visits=())
    before, *after = [fix(second, 0) for second in (10, 70, 3_650, 3_670)]
    placed = run(nobody, before, panic(60, position=position(0)), *after)
    kept = [(one.visit, one.alarmed) for one in placed if isinstance(one, PlacePosition)]
    assert kept == [(None, False), (None, True), (None, True), (None, True), (None, False)]


def test_whatever_a_device_says_of_itself_it_is_there() -> None:
    told = [arrival(reports.StatusReported(time_ms=at(60), online=said), 60) for said in (None, False)]
    heard = [effect.online for effect in run(PLAN, *told) if isinstance(effect, HearDevice)]
    assert heard == [True, False]
