"""Paging people, as scenarios: raise, expect who was told, fast-forward, expect the next."""

from typing import Any

import pytest

from devices.reports import Position
from safety.domain.alert import Action
from safety.store.tables import orgs, policies, positions
from tests.support.paging import ORG, Desk


async def test_a_panic_climbs_until_it_is_acknowledged(desk: Desk) -> None:
    desk.two_tiers()
    alert = desk.raises()
    await desk.settle()
    assert desk.told() == ["ann"]

    await desk.forward(119)
    assert desk.told() == []
    await desk.forward(1)
    assert desk.told() == ["ben", "cid"]

    desk.acts(alert, "acknowledge")
    await desk.forward(899)
    assert desk.told() == []
    whats = [entry.what for entry in desk.entries(alert)]
    assert whats.count("escalated") == 2
    assert whats.count("notified") == 3
    assert desk.alert(alert).escalation_level == 2


async def test_what_nobody_goes_on_with_is_raised_again(desk: Desk) -> None:
    desk.two_tiers()
    alert = desk.raises()
    await desk.forward(120)
    desk.acts(alert, "acknowledge")
    taken = desk.alert(alert)
    desk.told()
    await desk.forward(600)
    desk.acts(alert, "note", text="she does not answer")
    await desk.forward(899)
    assert (desk.told(), desk.alert(alert).state) == ([], "acknowledged")
    await desk.forward(1)
    assert desk.told() == ["ann"]
    row = desk.alert(alert)
    assert (row.state, row.escalation_level, row.owner) == ("raised", 1, None)
    assert row.version == taken.version + 1
    (lapsed,) = desk.entries(alert, "lapsed")
    assert (lapsed.actor, lapsed.detail["reason"]) == (None, "no_progress")
    await desk.forward(120)
    assert desk.told() == ["ben", "cid"]


@pytest.mark.parametrize("action", ["dispatch", "arrive", "resolve"])
async def test_help_under_way_is_progress(desk: Desk, action: Action) -> None:
    desk.two_tiers()
    alert = desk.raises()
    desk.acts(alert, "acknowledge")
    desk.acts(alert, action, **({"reason": "assisted"} if action == "resolve" else {}))
    await desk.forward(3600)
    assert desk.told() == []


@pytest.mark.parametrize("fields", [{"test": True}, {"kind": "battery_low", "severity": "info"}])
async def test_what_paged_nobody_is_not_raised_again(desk: Desk, fields: dict[str, Any]) -> None:
    desk.two_tiers()
    alert = desk.raises(**fields)
    desk.acts(alert, "acknowledge")
    await desk.forward(3600)
    assert desk.alert(alert).state == "acknowledged"


async def test_an_acknowledgement_before_the_first_page_stops_it(desk: Desk) -> None:
    desk.two_tiers()
    alert = desk.raises()
    desk.acts(alert, "acknowledge")
    await desk.forward(600)
    assert desk.told() == []


async def test_nothing_goes_out_after_an_acknowledgement_not_even_what_was_owed(desk: Desk) -> None:
    desk.two_tiers()
    alert = desk.raises()
    assert await desk.worker.escalate_due() == 1
    desk.acts(alert, "acknowledge")
    await desk.forward(600)
    assert desk.told() == []
    (stopped,) = desk.notifications(alert)
    assert (stopped.state, stopped.due_ms, stopped.attempts) == ("failed", None, 0)
    assert stopped.error == "not sent: the alert is acknowledged"


async def test_an_exhausted_ladder_goes_on_and_only_an_acknowledgement_ends_it(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]), (30, [desk.responder("ben")]))
    alert = desk.raises()
    await desk.forward(30)
    assert desk.told() == ["ann", "ben"]
    await desk.forward(119)
    assert desk.told() == []
    desk.responder("cid")
    await desk.forward(1 + 120)
    assert desk.told() == ["ann", "ann", "ben", "ben", "cid", "cid"]
    rounds = [entry.detail["round"] for entry in desk.entries(alert, "exhausted")]
    assert rounds == [1, 2]

    desk.acts(alert, "acknowledge")
    await desk.forward(600)
    assert desk.told() == []


async def test_pressing_again_starts_from_the_first_tier(desk: Desk) -> None:
    desk.two_tiers()
    alert = desk.raises(merges="nurse")
    await desk.forward(120)
    desk.acts(alert, "acknowledge")
    assert desk.told() == ["ann", "ben", "cid"]

    desk.raises(merges="nurse")
    await desk.settle()
    assert desk.told() == ["ann"]
    await desk.forward(120)
    assert desk.told() == ["ben", "cid"]
    assert len(desk.entries(alert, "pressed_again")) == 1


async def test_an_alarm_that_may_be_taken_back_waits_and_is_not_paged_then(desk: Desk) -> None:
    desk.two_tiers()
    until_ms = desk.clock.now_ms() + 30_000
    desk.raises(kind="fall", cancel_until_ms=until_ms)
    taken_back = desk.raises(kind="fall", nurse=None, cancel_until_ms=until_ms)
    desk.acts(taken_back, "resolve", reason="false_alarm")
    await desk.forward(29)
    assert desk.told() == []
    await desk.forward(1)
    assert desk.told() == ["ann"]


async def test_without_a_policy_everybody_is_told_again_and_again(desk: Desk) -> None:
    desk.responder("ann")
    desk.responder("ben", "page:ben", "log:")
    alert = desk.raises()
    await desk.settle()
    assert desk.told() == ["ann", "ben", "ben"]
    assert desk.entries(alert, "escalated")[0].detail["reason"] == "no_policy"
    await desk.forward(120)
    assert desk.told() == ["ann", "ben", "ben"]


async def test_a_policy_that_cannot_be_read_counts_as_none(desk: Desk) -> None:
    desk.responder("ann")
    desk.add(policies, id="pol_1", org=ORG, name="broken", tiers=[{"after": "soon"}], updated_ms=0)
    desk.raises()
    await desk.settle()
    assert desk.told() == ["ann"]


async def test_an_organisation_falls_back_on_those_above_it(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]))
    desk.responder("bystander")
    desk.add(orgs, id="org_b", name="Station 3", parent=ORG, created_ms=0)
    desk.raises(org="org_b", nurse=None)
    await desk.settle()
    assert desk.told() == ["ann"]


async def test_whoever_is_only_written_to_the_log_hides_nobody_above(desk: Desk) -> None:
    desk.responder("ann")
    desk.add(orgs, id="org_b", name="Station 3", parent=ORG, created_ms=0)
    desk.responder("ben", "log:", org="org_b")
    alert = desk.raises(org="org_b", nurse=None)
    await desk.settle()
    assert desk.told() == ["ann", "ben"]
    (entry,) = desk.entries(alert, "escalated")
    assert entry.detail["names"] == ["Ben", "Ann"]


async def test_nobody_of_another_organisation_is_told(desk: Desk) -> None:
    desk.add(orgs, id="org_b", name="Minhang", created_ms=0)
    desk.responder("ann", org="org_b")
    desk.policy((0, ["ann"]))
    desk.raises()
    await desk.settle()
    assert desk.told() == ["nobody"]


async def test_when_there_is_nobody_the_log_and_the_timeline_say_so(desk: Desk) -> None:
    desk.responder("mute")
    desk.add(orgs, id="org_b", name="Minhang", created_ms=0)
    alert = desk.raises(org="org_b", nurse=None)
    await desk.settle()
    assert desk.told() == ["nobody"]
    (entry,) = desk.entries(alert, "notify_failed")
    assert entry.detail["reason"] == "nobody_to_tell"
    await desk.forward(120)
    assert desk.told() == ["nobody"]


async def test_a_test_alarm_pages_nobody_and_the_timeline_says_so(desk: Desk) -> None:
    desk.two_tiers()
    alert = desk.raises(test=True)
    await desk.forward(3600)
    assert desk.told() == []
    assert desk.entries(alert, "note")[0].detail["reason"] == "test_pages_nobody"
    assert desk.alert(alert).version == 1


async def test_information_pages_nobody(desk: Desk) -> None:
    desk.two_tiers()
    desk.raises(kind="battery_low", severity="info")
    await desk.forward(3600)
    assert desk.told() == []


async def test_a_worker_that_was_away_climbs_one_tier_at_a_time(desk: Desk) -> None:
    desk.two_tiers()
    desk.raises()
    desk.clock.advance_s(3600)
    desk.worker = desk.new_worker()
    await desk.settle()
    assert desk.told() == ["ann"]
    await desk.forward(120)
    assert desk.told() == ["ben", "cid"]


async def test_the_page_is_told_when_the_timeline_grew(desk: Desk) -> None:
    desk.two_tiers()
    desk.raises()
    await desk.settle()
    assert desk.wakes >= 2


async def test_a_notice_says_what_where_and_how_old(desk: Desk) -> None:
    desk.two_tiers()
    desk.worker = desk.new_worker(link_base="https://vigil.example/")
    alert = desk.raises()
    await desk.settle()
    (notice,) = desk.channel.sent
    payload = notice.payload()
    assert (payload["id"], payload["kind"], payload["severity"]) == (alert, "panic", "critical")
    assert payload["nurse_name"] == "王芳"
    assert str(payload["link"]).startswith("https://vigil.example/")
    assert "王芳" in notice.text()["zh"]
    assert notice.text()["en"].startswith("[critical] Panic alarm: 王芳; at ")
    assert "position unknown" in notice.text()["en"]


async def test_an_alarm_without_a_place_is_told_with_the_last_one_and_its_age(desk: Desk) -> None:
    desk.two_tiers()
    now_ms = desk.clock.now_ms()
    place = {"lat": 31.2, "lon": 121.4, "accuracy_m": None, "time_ms": now_ms - 90_000, "received_ms": now_ms}
    desk.add(positions, nurse="nur_1", org=ORG, device="dev_1", revision=1, **place)
    desk.raises()
    placed = Position(lat=31.3, lon=121.5, accuracy_m=8.0, time_ms=now_ms - 2_000)
    desk.raises(nurse="nur_2", position=placed)
    await desk.settle()
    assert sorted(notice.text()["en"].split("; ")[2] for notice in desk.channel.sent) == [
        "last position 31.200000,121.400000 (90 s ago)",
        "position 31.300000,121.500000 ±8 m (2 s ago)",
    ]
