"""Fences that overlap: several forbidden areas at one place are one page, several to stay in are one area."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.records import Tick
from safety.engine import TelemetryEngine
from safety.rules.effects import RaiseAlert
from safety.store.database import database_url
from safety.store.effects import store_effects
from safety.store.tables import orgs
from tests.support.days import plan_of, raised
from tests.support.fences import of_org, square
from tests.support.paging import Desk
from tests.support.records import at, fix, tick

PLAN = plan_of(radius_m=90_000.0, check_in_every_s=None)
HOME = [PLAN, fix(0, 10), fix(10, 10)]
ZONES = of_org(
    square("a", "keep_out", 700, 150), square("b", "keep_out", 800, 150), square("c", "keep_out", 600, 150)
)


def walk(start: float, *norths: float) -> list[Any]:
    return [fix(start + 10 * index, north_m) for index, north_m in enumerate(norths)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(database_url(tmp_path))
    desk.clock.advance_s((at(0) - desk.clock.now_ms()) / 1000)
    desk.add(orgs, id="org_1", name="Pudong", created_ms=0)
    people = [desk.responder(name, org="org_1") for name in ("ann", "ben")]
    desk.policy((0, people[:1]), (3600, people[1:]), org="org_1")
    yield desk
    desk.close()


async def happens(desk: Desk, *records: Any) -> list[RaiseAlert]:
    """Run records through the engine into the store as the runner does; the clock goes with them."""
    engine, found = TelemetryEngine(), []
    for record in records:
        effects = engine.step(record)
        seen_ms = record.at_ms if isinstance(record, Tick) else getattr(record, "received_ms", at(0))
        await desk.forward(max(0.0, (seen_ms - desk.clock.now_ms()) / 1000))
        with desk.database.writing() as connection:
            store_effects(connection, effects, desk.clock.now_ms())
        await desk.settle()
        found += [effect for effect in effects if isinstance(effect, RaiseAlert)]
    return found


async def test_forbidden_areas_that_overlap_page_once(desk: Desk) -> None:
    alerts = await happens(desk, *HOME, ZONES, *walk(20, *[710.0] * 5))
    assert sorted(str(alert.why["fence"]) for alert in alerts) == ["a", "b", "c"]
    assert desk.told() == ["ann"]
    lead, *others = (desk.alert(alert.id) for alert in alerts)
    assert lead.held_by is None
    assert {(other.incident, other.held_by) for other in others} == {(lead.id, lead.id)}
    evidence = [entry.detail["alert"] for entry in desk.entries(lead.id, "evidence")]
    assert evidence == [other.id for other in others]


async def test_one_after_the_other_they_page_once_too(desk: Desk) -> None:
    """She walks on, through what the areas share, from the first into the last."""
    alerts = await happens(desk, *HOME, ZONES, *walk(20, *[500.0] * 6, *[700.0] * 6, *[900.0] * 6))
    assert [alert.why["fence"] for alert in alerts] == ["c", "a", "b"]
    assert desk.told() == ["ann"]
    desk.acts(alerts[0].id, "acknowledge")
    assert {desk.alert(alert.id).state for alert in alerts} == {"acknowledged"}
    await desk.forward(600)
    assert desk.told() == []


async def test_an_area_entered_after_the_first_was_closed_pages(desk: Desk) -> None:
    alerts = await happens(desk, *HOME, ZONES, *walk(20, *[500.0] * 6))
    desk.acts(alerts[0].id, "resolve", reason="false_alarm")
    again = await happens(desk, *HOME, ZONES, *walk(200, *[900.0] * 6))
    assert [alert.why["fence"] for alert in again] == ["b"]
    assert desk.told() == ["ann", "ann"]


@pytest.mark.parametrize("gap_m", [-100.0, 0.0, 40.0])
def test_areas_to_stay_in_that_meet_are_one(gap_m: float) -> None:
    """Overlapping, touching, or so near that a fix between them is not clearly outside of both."""
    areas = of_org(square("south", "stay_in", 0, 500), square("north", "stay_in", 1_000 + gap_m, 500))
    across = walk(20, *range(100, 1_400, 25), *range(1_400, 100, -25))
    assert raised("fence_exit", *HOME, areas, *across, tick(2_000)) == []
    (left,) = raised("fence_exit", *HOME, areas, *across, *walk(1_200, *[2_000.0] * 5))
    assert left.why["fence"] == "org_1/stay_in"


def test_areas_of_a_visit_that_meet_its_circle_are_one_place() -> None:
    own = (square("yard", "stay_in", 200, 100), square("shop", "stay_in", 380, 100))
    plan = plan_of(fences=own, check_in_every_s=None)
    across = walk(20, *range(10, 470, 20), *range(470, 10, -20))
    assert raised("fence_exit", plan, fix(0, 10), fix(10, 10), *across, tick(900)) == []
    assert raised("fence_exit", plan, fix(0, 10), fix(10, 10), *across, *walk(600, *[700.0] * 5))
