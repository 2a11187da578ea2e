"""Paging people, as scenarios: raise, expect who was told, fast-forward, expect the next."""

import asyncio

import pytest

from devices.reports import Position
from safety.domain.notice import Notice
from safety.errors import DeliveryDelayed, DeliveryRefused
from safety.routing.channels import RecordingChannel
from safety.routing.deliverer import MAX_SENDS_PER_CHANNEL, retry_at_ms
from safety.store.tables import orgs, policies, positions
from tests.support.paging import ORG, Desk
from tests.support.waiting import eventually


def two_tiers(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]), (120, [desk.responder("ben"), desk.responder("cid")]))


async def test_a_panic_climbs_until_it_is_acknowledged(desk: Desk) -> None:
    two_tiers(desk)
    alert = desk.raises()
    await desk.settle()
    assert desk.told() == ["ann"]

    await desk.forward(119)
    assert desk.told() == []
    await desk.forward(1)
    assert desk.told() == ["ben", "cid"]

    desk.acts(alert, "acknowledge")
    await desk.forward(3600)
    assert desk.told() == []
    whats = [entry.what for entry in desk.entries(alert)]
    assert whats.count("escalated") == 2
    assert whats.count("notified") == 3
    assert desk.alert(alert).escalation_level == 2


async def test_an_acknowledgement_before_the_first_page_stops_it(desk: Desk) -> None:
    two_tiers(desk)
    alert = desk.raises()
    desk.acts(alert, "acknowledge")
    await desk.forward(600)
    assert desk.told() == []


async def test_nothing_goes_out_after_an_acknowledgement_not_even_what_was_owed(desk: Desk) -> None:
    two_tiers(desk)
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
    await desk.forward(1 + 120)
    assert desk.told() == ["ben", "ben"]
    rounds = [entry.detail["round"] for entry in desk.entries(alert, "exhausted")]
    assert rounds == [1, 2]

    desk.acts(alert, "acknowledge")
    await desk.forward(600)
    assert desk.told() == []


async def test_pressing_again_starts_from_the_first_tier(desk: Desk) -> None:
    two_tiers(desk)
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
    two_tiers(desk)
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
    two_tiers(desk)
    alert = desk.raises(test=True)
    await desk.forward(3600)
    assert desk.told() == []
    assert desk.entries(alert, "note")[0].detail["reason"] == "test_pages_nobody"
    assert desk.alert(alert).version == 1


async def test_information_pages_nobody(desk: Desk) -> None:
    two_tiers(desk)
    desk.raises(kind="battery_low", severity="info")
    await desk.forward(3600)
    assert desk.told() == []


async def test_a_worker_that_was_away_climbs_one_tier_at_a_time(desk: Desk) -> None:
    two_tiers(desk)
    desk.raises()
    desk.clock.advance_s(3600)
    desk.worker = desk.new_worker()
    await desk.settle()
    assert desk.told() == ["ann"]
    await desk.forward(120)
    assert desk.told() == ["ben", "cid"]


async def test_a_failed_send_is_tried_again_with_growing_pauses(desk: Desk) -> None:
    two_tiers(desk)
    desk.channel.failures = [DeliveryDelayed("http 500"), DeliveryDelayed("http 502")]
    alert = desk.raises()
    await desk.settle()
    (row,) = desk.notifications(alert)
    assert (row.state, row.attempts, row.error) == ("pending", 1, "http 500")
    await desk.forward(2.9)
    assert desk.told() == []
    await desk.forward(0.1)
    assert desk.told() == ["ann"]
    (row,) = desk.notifications(alert)
    assert (row.state, row.attempts, row.error, row.due_ms) == ("sent", 3, None, None)


async def test_no_retry_once_somebody_has_taken_it(desk: Desk) -> None:
    two_tiers(desk)
    desk.channel.failures = [DeliveryDelayed("http 500")]
    alert = desk.raises()
    await desk.settle()
    desk.acts(alert, "acknowledge")
    await desk.forward(60)
    assert desk.told() == []
    assert desk.notifications(alert)[0].error == "not sent: the alert is acknowledged"


async def test_a_send_is_given_up_after_ten_minutes_and_the_timeline_says_so(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]))
    desk.channel.failures = [DeliveryDelayed("http 500") for _ in range(1000)]
    alert = desk.raises()
    await desk.forward(610)
    first = desk.notifications(alert)[0]
    assert (first.state, first.due_ms, first.error) == ("failed", None, "http 500")
    failed = desk.entries(alert, "notify_failed")[0]
    assert failed.detail["attempts"] == first.attempts
    assert failed.detail["error"] == "http 500"


async def test_a_refusal_is_final_and_hands_over_to_the_next_tier_at_once(desk: Desk) -> None:
    two_tiers(desk)
    desk.channel.failures = [DeliveryRefused("http 404")]
    alert = desk.raises()
    await desk.settle()
    assert desk.told() == ["ben", "cid"]
    assert [entry.detail["error"] for entry in desk.entries(alert, "notify_failed")] == ["http 404"]


async def test_one_refusal_of_several_does_not_hurry_the_ladder(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann"), desk.responder("ben")]), (120, [desk.responder("cid")]))
    desk.channel.failures = [DeliveryRefused("http 404")]
    desk.raises()
    await desk.settle()
    assert len(desk.told()) == 1


async def test_a_last_tier_that_refuses_is_not_told_in_a_tight_loop(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann", "fax:1")]))
    alert = desk.raises()
    await desk.forward(120)
    assert [row.error for row in desk.notifications(alert)] == ["no channel of the kind 'fax'"] * 2


async def test_a_channel_that_breaks_does_not_end_the_paging_of_others(desk: Desk) -> None:
    broken = RecordingChannel(ZeroDivisionError("bug"))
    desk.worker = desk.new_worker(channels={"page": desk.channel, "odd": broken})
    desk.policy((0, [desk.responder("ann", "odd:1"), desk.responder("ben")]))
    alert = desk.raises()
    await desk.settle()
    assert desk.told() == ["ben"]
    assert {row.error for row in desk.notifications(alert)} == {None, "the channel broke: ZeroDivisionError"}
    await desk.forward(1)
    assert [notice.responder for notice in broken.sent] == ["ann"]


async def test_killed_between_sending_and_recording_the_page_goes_out_twice_not_never(desk: Desk) -> None:
    two_tiers(desk)
    alert = desk.raises()

    class Killed(BaseException):
        """The process ends here."""

    class DiesAfterSending(RecordingChannel):
        async def send(self, notification: Notice) -> None:
            await super().send(notification)
            raise Killed

    dying = DiesAfterSending()
    desk.worker = desk.new_worker(channels={"page": dying})
    with pytest.raises(BaseExceptionGroup):
        await desk.settle()
    assert [notice.responder for notice in dying.sent] == ["ann"]
    assert desk.notifications(alert)[0].state == "pending"

    desk.worker = desk.new_worker()
    await desk.settle()
    assert desk.told() == ["ann"]
    assert desk.channel.sent[0].id == dying.sent[0].id, "the receiver can tell that it is the same"
    assert len(desk.entries(alert, "notified")) == 1


class SlowChannel(RecordingChannel):
    """Takes nothing until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.open = asyncio.Event()

    async def send(self, notification: Notice) -> None:
        self.begun += 1
        await self.open.wait()
        await super().send(notification)


async def test_a_slow_channel_does_not_delay_others(desk: Desk) -> None:
    slow = SlowChannel()
    desk.worker = desk.new_worker(channels={"page": desk.channel, "slow": slow})
    desk.policy((0, [desk.responder("sue", "slow:1"), desk.responder("ann")]))
    for number in range(60):
        desk.raises(nurse=f"nur_{number}")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.worker.run())
        await eventually(lambda: len(desk.channel.sent) == 60, what="everybody else told")
        await eventually(lambda: slow.begun == MAX_SENDS_PER_CHANNEL, what="as many as may be on the way")
        slow.open.set()
        await eventually(lambda: len(slow.sent) == 60, what="the slow one told")
        running.cancel()


async def test_the_page_is_told_when_the_timeline_grew(desk: Desk) -> None:
    two_tiers(desk)
    desk.raises()
    await desk.settle()
    assert desk.wakes >= 2


async def test_a_notice_says_what_where_and_how_old(desk: Desk) -> None:
    two_tiers(desk)
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
    two_tiers(desk)
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


async def test_several_workers_on_one_store_tell_everybody_once(desk: Desk) -> None:
    two_tiers(desk)
    for number in range(20):
        desk.raises(nurse=f"nur_{number}")
    first, second = desk.new_worker(lease_s=30.0), desk.new_worker(lease_s=30.0)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(worker.run()) for worker in (first, second)]
        await eventually(lambda: len(desk.channel.sent) >= 20, what="all told")
        for task in running:
            task.cancel()
    assert desk.told() == ["ann"] * 20


class Hanging(RecordingChannel):
    """A channel that answers only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let_go = asyncio.Event(), asyncio.Event()

    async def send(self, notification: Notice) -> None:
        self.asked.set()
        await self.let_go.wait()
        await super().send(notification)


async def test_what_a_worker_is_still_sending_nobody_else_sends(desk: Desk) -> None:
    two_tiers(desk)
    desk.raises()
    hanging = Hanging()
    busy, other = desk.new_worker(lease_s=6.0, channels={"page": hanging}), desk.new_worker(lease_s=6.0)
    await busy.escalate_due()
    async with asyncio.TaskGroup() as tasks:
        assert await busy.notices.start_due(tasks) == 1
        for _ in range(3):
            desk.clock.advance_s(4)
            await busy.notices.renew()
            assert await other.notices.start_due(tasks) == 0
        hanging.let_go.set()
    assert [notice.responder for notice in hanging.sent] == ["ann"]
    assert desk.told() == []


async def test_what_a_dead_worker_had_taken_another_sends_after_the_lease(desk: Desk) -> None:
    two_tiers(desk)
    desk.raises()
    hanging = Hanging()
    dead, other = desk.new_worker(lease_s=6.0, channels={"page": hanging}), desk.new_worker(lease_s=6.0)
    dying = asyncio.create_task(dead.run())
    await hanging.asked.wait()
    dying.cancel()
    await asyncio.wait([dying])
    async with asyncio.TaskGroup() as tasks:
        desk.clock.advance_s(5.9)
        assert await other.notices.start_due(tasks) == 0
        desk.clock.advance_s(0.2)
        assert await other.notices.start_due(tasks) == 1
    assert desk.told() == ["ann"]


def test_pauses_double_up_to_a_minute_and_end_after_ten() -> None:
    pauses: list[int] = []
    now_ms = 0
    while (due_ms := retry_at_ms(len(pauses) + 1, 0, now_ms)) is not None:
        pauses.append((due_ms - now_ms) // 1000)
        now_ms = due_ms
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert 540_000 <= now_ms <= 600_000
