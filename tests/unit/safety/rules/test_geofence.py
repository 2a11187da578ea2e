"""Geofences, as scenarios of one visit: shapes, hours, noise, and who has arrived at all."""

from typing import Any

import msgspec
import pytest

from devices import reports
from devices.reports import Position
from safety.domain.fence_limits import FenceLimits
from safety.domain.plan import FencePlan
from safety.domain.schedule import Schedule
from safety.engine import TelemetryEngine
from safety.rules.effects import NoteAlert, PlacePosition, RaiseAlert
from tests.support.fences import of_org, place, ring, square
from tests.support.records import PLAN, T0_MS, VISIT, arrival, at, fix, tick


def alerts(*records: Any) -> list[RaiseAlert]:
    engine = TelemetryEngine()
    found = [effect for record in records for effect in engine.step(record)]
    return [effect for effect in found if isinstance(effect, RaiseAlert) and effect.kind.startswith("fence")]


def notes(*records: Any) -> list[str]:
    engine = TelemetryEngine()
    found = [effect for record in records for effect in engine.step(record)]
    return [effect.what for effect in found if isinstance(effect, NoteAlert)]


def stay(start: float, north_m: float, count: int = 4, **more: Any) -> list[Any]:
    """Fixes every 10 s from `start` on, all `north_m` north of the address."""
    return [fix(start + 10 * index, north_m, **more) for index in range(count)]


HOME = (PLAN, *stay(0, 10, 2))


def test_the_alert_says_why() -> None:
    (alert,) = alerts(*HOME, *stay(20, 400, 4))
    why = alert.why
    assert (why["rule"], why["fence"]) == ("fence_exit", "vis_1")
    assert (why["fixes"], why["min_fixes"], why["dwell_s"], why["min_dwell_s"]) == (4, 2, 30.0, 30.0)
    assert (why["first_ms"], why["last_ms"]) == (at(20), at(50))
    assert why["beyond_edge_m"] == pytest.approx(250, abs=1)
    assert why["first_lat"] == pytest.approx(VISIT.lat + 400 / 110_900)
    assert all(value is None or isinstance(value, str | int | float | bool) for value in why.values())


def test_one_lucky_fix_at_the_address_is_no_arrival() -> None:
    assert not alerts(PLAN, *stay(0, 400, 2), fix(20, 10, accuracy_m=40), *stay(30, 400, 6))
    assert alerts(PLAN, *stay(0, 400, 2), *stay(20, 10, 2, accuracy_m=40), *stay(40, 400, 6))


def test_one_good_fix_at_the_address_is_an_arrival() -> None:
    assert alerts(PLAN, fix(0, 10), *stay(10, 400, 6))


def test_a_poor_fix_does_not_pull_her_back_in() -> None:
    left = (*HOME, *stay(20, 400))
    assert not notes(*left, *stay(60, 100, 6, accuracy_m=150))
    assert not notes(*left, *stay(60, 0, 6, accuracy_m=250))
    assert notes(*left, *stay(60, 20, 6, accuracy_m=70)) == ["returned"]


def test_the_edge_in_is_another_than_the_edge_out() -> None:
    left = (*HOME, *stay(20, 400))
    assert not notes(*left, *stay(60, 170, 6))  # beyond the edge, though not clearly
    assert not alerts(*HOME, *stay(20, 170, 6))


def test_a_cell_tower_far_away_is_no_exit() -> None:
    assert not alerts(*HOME, *stay(20, 1_500, 6, accuracy_m=1_200))
    assert not alerts(*HOME, *stay(20, 5_000, 8, accuracy_m=1_200), *stay(100, 10, 2))
    assert alerts(*HOME, *stay(20, 5_000, 14, accuracy_m=1_200))


def test_good_fixes_need_no_more_patience_for_poor_ones_between() -> None:
    mixed = [fix(20 + 10 * i, 5_000, accuracy_m=1_200 if i % 3 == 0 else 8) for i in range(7)]
    (alert,) = alerts(*HOME, *mixed)
    assert (alert.occurred_ms, alert.why["min_dwell_s"]) == (at(30), 30.0)


def test_a_jump_across_town_waits_for_the_next_fix() -> None:
    assert not alerts(*HOME, fix(20, 9_000), fix(30, 12), fix(41, 9_000), fix(50, 12), tick(90))
    (alert,) = alerts(*HOME, *stay(20, 9_000, 5))
    assert alert.occurred_ms == at(20)


def test_a_jump_is_on_the_map_at_once() -> None:
    engine = TelemetryEngine()
    for record in HOME:
        engine.step(record)
    placed = [effect for effect in engine.step(fix(20, 9_000)) if isinstance(effect, PlacePosition)]
    assert [(effect.newest, effect.visit is not None) for effect in placed] == [(True, True)]


def test_a_train_is_believed_after_a_while() -> None:
    assert alerts(*HOME, *(fix(20 + 10 * i, 2_000 * i) for i in range(1, 12)))


def test_a_fix_that_came_late_tells_when_she_left() -> None:
    in_order = alerts(*HOME, *stay(20, 400, 4))
    late = alerts(*HOME, fix(30, 400, received_s=30), fix(20, 400, received_s=31), *stay(40, 400, 3))
    assert [alert.id for alert in late] == [alert.id for alert in in_order]


def test_who_was_seen_at_home_in_between_had_not_left() -> None:
    seen = (fix(20, 400), fix(31, 400), fix(25, 10, received_s=32), fix(45, 400))
    assert not alerts(*HOME, *seen)


def test_a_fix_from_the_future_poisons_nothing() -> None:
    future = arrival(reports.Fix(time_ms=at(9_000_000), position=Position(0.0, 0.0)), 15)
    assert len(alerts(*HOME, future, *stay(20, 400, 5))) == 1


class TestShapes:
    def test_a_hole_is_outside(self) -> None:
        geometry: dict[str, object] = {
            "type": "Polygon",
            "coordinates": [ring(5_000, 4_000), ring(5_000, 500)[::-1]],
        }
        fences = of_org(FencePlan(id="out", mode="keep_out", geometry=geometry))
        in_hole = stay(0, 5_000, 5)
        assert not alerts(PLAN, fences, *in_hole)
        assert alerts(PLAN, fences, *stay(0, 6_000, 5))

    def test_several_polygons_are_one_area(self) -> None:
        geometry: dict[str, object] = {
            "type": "MultiPolygon",
            "coordinates": [[ring(0, 500)], [ring(3_000, 500)]],
        }
        fences = of_org(FencePlan(id="in", mode="stay_in", geometry=geometry))
        visit = msgspec.structs.replace(VISIT, radius_m=90_000.0)
        plan = msgspec.structs.replace(PLAN, visits=(visit,))
        home = stay(0, 10, 2)
        assert not alerts(plan, fences, *home, *stay(120, 3_000, 5))
        (alert,) = alerts(plan, fences, *home, *stay(120, 1_500, 5))
        assert alert.why["fence"] == "org_1/stay_in"

    def test_a_corridor_is_a_line_with_a_width(self) -> None:
        line: dict[str, object] = {"type": "LineString", "coordinates": [place(0), place(3_000)]}
        fences = of_org(FencePlan(id="way", mode="stay_in", geometry=line, width_m=200.0))
        visit = msgspec.structs.replace(VISIT, radius_m=90_000.0)
        plan = msgspec.structs.replace(PLAN, visits=(visit,))
        on_it = (plan, fences, *stay(0, 10, 2), *stay(100, 2_000, 3))
        assert not alerts(*on_it)
        lat, lon = place(2_000, 400)[1], place(2_000, 400)[0]
        beside = [
            arrival(reports.Fix(time_ms=at(200 + 10 * i), position=Position(lat, lon, 8.0)), 200 + 10 * i)
            for i in range(4)
        ]
        (alert,) = alerts(*on_it, *beside)
        assert alert.why["beyond_edge_m"] == pytest.approx(300, abs=3)

    def test_a_circle_may_be_shared(self) -> None:
        point: dict[str, object] = {"type": "Point", "coordinates": place(700)}
        fences = of_org(FencePlan(id="out", mode="keep_out", geometry=point, radius_m=100.0))
        assert [alert.kind for alert in alerts(PLAN, fences, *stay(0, 700))] == ["fence_enter"]


class TestOwnFences:
    def plan(self, *fences: FencePlan) -> Any:
        return msgspec.structs.replace(PLAN, visits=(msgspec.structs.replace(VISIT, fences=fences),))

    def test_a_stay_in_fence_of_the_visit_belongs_to_its_place(self) -> None:
        plan = self.plan(square("pharmacy", "stay_in", 600, 100))
        home = (plan, *stay(0, 10, 2))
        assert not alerts(*home, *stay(30, 600, 6))
        assert [alert.why["fence"] for alert in alerts(*home, *stay(30, 350, 6))] == ["vis_1"]

    def test_a_keep_out_fence_of_the_visit_counts_for_it_alone(self) -> None:
        plan = self.plan(square("cellar", "keep_out", 60, 30))
        inside = (plan, *stay(0, 60, 4))
        assert [alert.kind for alert in alerts(*inside)] == ["fence_enter"]
        assert notes(*inside, *stay(40, -20, 5)) == ["returned"]
        assert not alerts(PLAN, *stay(0, 60, 4))


class TestLimits:
    def test_a_fence_may_ask_for_more_patience(self) -> None:
        patient = FenceLimits(dwell_s=60.0, min_fixes=5)
        fences = of_org(square("out", "keep_out", 700, 100, limits=patient))
        assert not alerts(PLAN, fences, *stay(0, 700, 6))
        (alert,) = alerts(PLAN, fences, *stay(0, 700, 8))
        assert (alert.why["fixes"], alert.why["min_dwell_s"]) == (7, 60.0)


class TestHours:
    def night(self, hour: float) -> Schedule:
        """Open from `hour` hours after the visit's start for an hour, every day."""
        minute = round(T0_MS / 60_000 + hour * 60) % 1_440
        return Schedule(zone="UTC", opens=minute, closes=(minute + 60) % 1_440)

    def test_a_fence_counts_at_its_hours_only(self) -> None:
        on, off = self.night(0), self.night(2)
        assert alerts(PLAN, of_org(square("out", "keep_out", 700, 100, schedule=on)), *stay(0, 700))
        assert not alerts(PLAN, of_org(square("out", "keep_out", 700, 100, schedule=off)), *stay(0, 700))

    def test_when_its_hours_begin_it_counts_for_who_is_in_it(self) -> None:
        fences = of_org(square("out", "keep_out", 700, 100, schedule=self.night(0.25)))
        (alert,) = alerts(PLAN, fences, *stay(800, 700, 20))
        assert alert.occurred_ms == at(900)

    def test_when_its_hours_end_she_may_go(self) -> None:
        area = square("in", "stay_in", 0, 500, schedule=self.night(-0.75))
        visit = msgspec.structs.replace(VISIT, radius_m=90_000.0)
        plan = msgspec.structs.replace(PLAN, visits=(visit,))
        home = (plan, of_org(area), *stay(0, 10, 2))
        assert alerts(*home, *stay(700, 900, 6))
        assert not alerts(*home, *stay(890, 900, 2), *(tick(s) for s in range(891, 960, 5)))
        assert not alerts(*home, *stay(910, 900, 6))
