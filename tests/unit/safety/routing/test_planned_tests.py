"""Test alarms go the whole way, from the engine to the ladder, and page nobody; the next press pages."""

from typing import Any

import msgspec
import pytest

from devices.identity import derived_id
from safety.domain.plan import DevicePlan
from safety.engine import AlarmEngine
from safety.rules.effects import Effect, RaiseAlert
from safety.store.effects import store_effects
from tests.support.paging import ORG, Desk
from tests.support.records import PLAN, at, panic


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.policy((0, [desk.responder("ann")]))
    return desk


def happen(desk: Desk, engine: AlarmEngine, *records: Any) -> list[Effect]:
    """Run records through the engine and store what comes of them, as the runner does."""
    effects = [effect for record in records for effect in engine.step(record)]
    effects = [
        msgspec.structs.replace(each, org=ORG) if isinstance(each, RaiseAlert) else each for each in effects
    ]
    with desk.database.writing() as connection:
        store_effects(connection, effects, desk.clock.now_ms())
    return effects


async def test_a_planned_test_pages_nobody_and_the_press_after_it_does(desk: Desk) -> None:
    button = DevicePlan(id="dev_1", kind="button", test_from_ms=at(0), test_until_ms=at(600))
    engine = AlarmEngine()
    happen(desk, engine, msgspec.structs.replace(PLAN, org=ORG, devices=(button,)))
    (tested,) = happen(desk, engine, panic(60, seq=1))
    assert isinstance(tested, RaiseAlert)
    await desk.settle()
    await desk.forward(3600)
    assert desk.told() == []
    assert desk.alert(tested.id).state == "raised"
    (entry,) = desk.entries(tested.id, "note")
    assert entry.detail["reason"] == "test_pages_nobody"

    (real,) = happen(desk, engine, panic(90, seq=2))
    assert isinstance(real, RaiseAlert)
    await desk.settle()
    assert desk.told() == ["ann"]
    assert desk.alert(real.id).held_by is None


async def test_an_alarm_that_says_test_itself_pages_nobody(desk: Desk) -> None:
    (tested,) = happen(desk, AlarmEngine(), panic(60, test=True))
    assert isinstance(tested, RaiseAlert)
    assert tested.id == derived_id("panic", tested.source_event, "")
    await desk.forward(3600)
    assert desk.told() == []
