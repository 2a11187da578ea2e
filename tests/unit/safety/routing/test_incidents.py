"""Incidents, as scenarios: who is paged for a second alert of a nurse, and when the first answers no more."""

from typing import Any

import pytest
from sqlalchemy import select

from safety.rules.effects import CancelAlert, Effect, RaiseAlert
from safety.store.alerts import cancel_alert
from safety.store.effects import store_effects
from safety.store.tables import alerts, commands, timeline
from tests.support.paging import ORG, Desk


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.policy((0, [desk.responder("ann")]), (120, [desk.responder("ben")]))
    return desk


def silence(desk: Desk, **fields: Any) -> str:
    return desk.raises(kind="device_silent", severity="warning", **fields)


def fall(desk: Desk, **fields: Any) -> str:
    """A fall as the engine raises it: it may be taken back for half a minute."""
    return desk.raises(kind="fall", cancel_until_ms=desk.clock.now_ms() + 30_000, **fields)


def cancels(desk: Desk, alert: str) -> None:
    with desk.database.writing() as connection:
        at_ms = desk.clock.now_ms()
        cancel_alert(connection, CancelAlert(id=f"cancel/{alert}", alert=alert, at_ms=at_ms, reason="pin"))


def remarks(desk: Desk, alert: str) -> list[str]:
    return [entry.detail["reason"] for entry in desk.entries(alert, "note")]


async def test_a_fall_after_a_panic_is_evidence_not_a_second_page(desk: Desk) -> None:
    panic = desk.raises()
    await desk.settle()
    assert desk.told() == ["ann"]

    fallen = fall(desk)
    await desk.forward(60)
    assert desk.told() == []
    row = desk.alert(fallen)
    assert (row.incident, row.held_by, row.due_ms, row.state) == (panic, panic, None, "raised")
    assert remarks(desk, fallen) == ["lead_is_paged"]
    (evidence,) = desk.entries(panic, "evidence")
    assert evidence.detail == {"alert": fallen, "kind": "fall", "severity": "critical"}
    await desk.forward(60)
    assert desk.told() == ["ben"]


async def test_what_is_worse_pages_at_once_and_leads(desk: Desk) -> None:
    silent = silence(desk)
    await desk.settle()
    assert desk.told() == ["ann"]

    panic = desk.raises()
    await desk.settle()
    assert desk.told() == ["ann"]
    assert desk.alert(panic).incident == silent
    second = desk.raises(kind="tamper", severity="high")
    await desk.settle()
    assert desk.told() == []
    assert desk.alert(second).held_by == panic


async def test_a_panic_after_a_paged_fall_pages(desk: Desk) -> None:
    fall(desk)
    await desk.forward(30)
    assert desk.told() == ["ann"]
    desk.raises()
    await desk.settle()
    assert desk.told() == ["ann"]


async def test_taking_the_lead_takes_what_it_held_and_each_device_is_told(desk: Desk) -> None:
    panic = desk.raises()
    await desk.settle()
    others = [fall(desk, device="dev_2"), desk.raises(kind="no_motion", severity="high", device="dev_3")]
    desk.acts(panic, "acknowledge")
    for other in others:
        row = desk.alert(other)
        assert (row.state, row.owner, row.held_by, row.version) == ("acknowledged", "anna", None, 2)
        assert [entry.detail for entry in desk.entries(other, "acknowledged")] == [{"with": panic}]
    await desk.forward(899)
    assert desk.told() == ["ann"]
    told = {(row.device, row.kind) for row in desk.commands()}
    kinds = ("alarm_received", "alarm_acknowledged")
    assert told == {(f"dev_{number}", kind) for number in (1, 2, 3) for kind in kinds}


async def test_dispatching_takes_what_joined_after_the_acknowledgement(desk: Desk) -> None:
    panic = desk.raises()
    desk.acts(panic, "acknowledge")
    fallen = fall(desk)
    assert remarks(desk, fallen) == ["lead_is_taken"]
    desk.acts(panic, "dispatch")
    assert desk.alert(fallen).state == "acknowledged"
    await desk.forward(600)
    assert desk.told() == []


async def test_taking_a_lesser_alert_takes_nothing_else(desk: Desk) -> None:
    silent = silence(desk)
    panic = desk.raises()
    await desk.settle()
    fallen = fall(desk)
    desk.acts(silent, "acknowledge")
    assert (desk.alert(panic).state, desk.alert(fallen).state) == ("raised", "raised")


async def test_closing_the_lead_pages_for_what_it_held(desk: Desk) -> None:
    panic = desk.raises()
    await desk.settle()
    desk.told()
    fallen = fall(desk)
    await desk.forward(60)
    desk.acts(panic, "resolve", reason="false_alarm")
    await desk.settle()
    assert desk.told() == ["ann"]
    assert desk.alert(fallen).held_by is None
    assert remarks(desk, fallen) == ["lead_is_paged", "lead_was_closed"]


async def test_what_is_released_within_its_cancel_window_may_still_be_taken_back(desk: Desk) -> None:
    panic = desk.raises()
    await desk.settle()
    desk.told()
    fallen = fall(desk)
    desk.acts(panic, "resolve", reason="false_alarm")
    await desk.forward(29)
    assert desk.told() == []
    cancels(desk, fallen)
    await desk.forward(60)
    assert desk.told() == []


async def test_a_lead_that_is_taken_back_pages_for_what_it_held(desk: Desk) -> None:
    first = fall(desk)
    desk.clock.advance_s(5)
    second = fall(desk, device="dev_2")
    assert desk.alert(second).held_by == first
    cancels(desk, first)
    await desk.forward(30)
    assert desk.told() == ["ann"]
    assert desk.entries(second, "escalated")


async def test_closing_the_whole_incident_closes_all_and_pages_nobody(desk: Desk) -> None:
    panic = desk.raises()
    await desk.settle()
    fallen, silent = fall(desk, device="dev_2"), silence(desk)
    desk.acts(panic, "resolve", reason="assisted", incident=True)
    for other in (fallen, silent):
        row = desk.alert(other)
        assert (row.state, row.resolution, row.due_ms, row.held_by) == ("resolved", "assisted", None, None)
        (entry,) = desk.entries(other, "resolved")
        assert (entry.actor, entry.detail["with"]) == ("anna", panic)
    closed = {row.device for row in desk.commands() if row.kind == "alarm_closed"}
    assert closed == {"dev_1", "dev_2"}
    desk.told()
    await desk.forward(600)
    assert desk.told() == []


async def test_pressing_again_on_a_held_panic_pages(desk: Desk) -> None:
    desk.raises(kind="duress")
    await desk.settle()
    panic = desk.raises(merges="nurse")
    await desk.settle()
    assert desk.told() == ["ann"]
    desk.raises(merges="nurse")
    await desk.settle()
    assert desk.told() == ["ann"]
    assert desk.alert(panic).held_by is None


async def test_an_acknowledgement_nobody_followed_up_answers_no_longer(desk: Desk) -> None:
    panic = desk.raises()
    desk.acts(panic, "acknowledge")
    await desk.forward(901)
    fallen = desk.raises(kind="fall")
    await desk.settle()
    assert desk.told() == ["ann"]
    assert desk.alert(fallen).incident == panic


async def test_another_nurse_another_organisation_and_a_test_are_other_incidents(desk: Desk) -> None:
    desk.raises()
    others = [
        fall(desk, nurse="nur_2"),
        fall(desk, nurse=None),
        fall(desk, org="org_b"),
        fall(desk, test=True),
    ]
    assert [desk.alert(other).incident for other in others] == others
    # And a test that is open is no reason not to page.
    assert desk.alert(fall(desk, test=True)).incident == others[-1]


def counted(desk: Desk) -> list[Any]:
    with desk.database.reading() as connection:
        return [connection.execute(select(table)).all() for table in (alerts, timeline, commands)]


def test_the_same_effects_again_change_nothing(desk: Desk) -> None:
    now_ms = desk.clock.now_ms()
    common: dict[str, Any] = {
        "severity": "critical",
        "org": ORG,
        "nurse": "nur_1",
        "device": "dev_1",
        "occurred_ms": now_ms,
        "received_ms": now_ms,
        "source_event": "e",
    }
    effects: list[Effect] = [
        RaiseAlert(id="one", kind="fall", cancel_until_ms=now_ms + 30_000, **common),
        RaiseAlert(id="two", kind="fall", cancel_until_ms=now_ms + 30_000, **common),
        CancelAlert(id="c", alert="one", at_ms=now_ms + 1, reason="pin"),
        RaiseAlert(id="three", kind="no_motion", **common),
    ]
    for upto in range(len(effects) + 1):
        with desk.database.writing() as connection:
            store_effects(connection, effects[:upto], now_ms)
    before = counted(desk)
    with desk.database.writing() as connection:
        store_effects(connection, effects, now_ms + 5_000)
    assert counted(desk) == before
    assert desk.alert("two").due_ms == now_ms + 30_000
    assert {desk.alert(id).incident for id in ("one", "two", "three")} == {"one"}


async def test_progress_with_one_alert_of_an_incident_counts_for_the_others(desk: Desk) -> None:
    silent = silence(desk)
    desk.acts(silent, "acknowledge")
    panic = desk.raises()
    desk.acts(panic, "acknowledge")
    desk.acts(panic, "dispatch")
    await desk.forward(3599)
    assert desk.told() == []


async def test_what_was_taken_with_another_is_raised_again_only_after_that_is_closed(desk: Desk) -> None:
    panic = desk.raises()
    await desk.settle()
    fallen = fall(desk)
    desk.acts(panic, "acknowledge")
    desk.told()
    await desk.forward(900)
    assert desk.told() == ["ann"]
    assert (desk.alert(panic).state, desk.alert(fallen).state) == ("raised", "acknowledged")
    desk.acts(panic, "resolve", reason="assisted")
    await desk.forward(899)
    assert desk.alert(fallen).state == "acknowledged"
    await desk.forward(1)
    assert desk.alert(fallen).state == "raised"
    assert desk.told() == ["ann"]
