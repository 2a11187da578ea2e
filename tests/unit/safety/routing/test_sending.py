"""Sending, as scenarios: channels that fail, refuse, break, hang or are slow, and workers that die."""

import asyncio

import pytest

from safety.domain.notice import Notice
from safety.errors import DeliveryDelayed, DeliveryRefused
from safety.routing.channels import RecordingChannel
from safety.routing.deliverer import MAX_SENDS_PER_CHANNEL, retry_at_ms
from safety.store.notices import take_due_notices
from tests.support.paging import Desk
from tests.support.waiting import eventually


async def test_a_failed_send_is_tried_again_with_growing_pauses(desk: Desk) -> None:
    desk.two_tiers()
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


async def test_a_channel_that_asks_for_time_is_given_it(desk: Desk) -> None:
    desk.two_tiers()
    desk.channel.failures = [DeliveryDelayed("http 429", retry_after_s=7.0)]
    desk.raises()
    await desk.forward(6.9)
    assert desk.told() == []
    await desk.forward(0.1)
    assert desk.told() == ["ann"]


async def test_a_panic_waits_half_a_minute_for_a_channel_at_most(desk: Desk) -> None:
    desk.two_tiers()
    desk.channel.failures = [DeliveryDelayed("http 503", retry_after_s=3600.0)]
    desk.raises()
    await desk.forward(30)
    assert desk.told() == ["ann"]


async def test_no_retry_once_somebody_has_taken_it(desk: Desk) -> None:
    desk.two_tiers()
    desk.channel.failures = [DeliveryDelayed("http 500")]
    alert = desk.raises()
    await desk.settle()
    desk.acts(alert, "acknowledge")
    await desk.forward(60)
    assert desk.told() == []
    why = "stopped after 1 attempt: the alert is acknowledged; last: http 500"
    assert desk.notifications(alert)[0].error == why


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


async def test_while_a_channel_is_out_its_notices_do_not_pile_up(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]))
    desk.channel.failures = [DeliveryDelayed("http 500") for _ in range(1000)]
    alert = desk.raises()
    await desk.forward(500)
    assert len(desk.entries(alert, "exhausted")) == 4
    (row,) = desk.notifications(alert)
    assert row.state == "pending"
    desk.channel.failures.clear()
    await desk.forward(60)
    assert desk.told() == ["ann"]


async def test_a_refusal_is_final_and_hands_over_to_the_next_tier_at_once(desk: Desk) -> None:
    desk.two_tiers()
    desk.channel.failures = [DeliveryRefused("http 404")]
    alert = desk.raises()
    await desk.settle()
    assert desk.told() == ["ben", "cid"]
    assert [entry.detail["error"] for entry in desk.entries(alert, "notify_failed")] == ["http 404"]


async def test_a_line_of_the_log_does_not_keep_a_refusal_from_handing_over(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann", "log:", "fax:1")]), (120, [desk.responder("ben")]))
    desk.raises()
    await desk.settle()
    assert desk.told() == ["ann", "ben"]


async def test_one_refusal_of_several_does_not_hurry_the_ladder(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann"), desk.responder("ben")]), (120, [desk.responder("cid")]))
    desk.channel.failures = [DeliveryRefused("http 404")]
    desk.raises()
    await desk.settle()
    assert len(desk.told()) == 1


async def test_a_last_tier_that_refuses_hands_over_to_everybody_at_once(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann", "fax:1")]))
    desk.responder("ben")
    alert = desk.raises()
    await desk.settle()
    assert desk.told() == ["ben"]
    (entry,) = desk.entries(alert, "exhausted")
    assert entry.detail["reason"] == "all_refused"
    await desk.forward(119)
    assert desk.told() == []


async def test_what_an_earlier_tier_is_still_being_sent_holds_no_hand_over_back(desk: Desk) -> None:
    desk.policy(*((60, [desk.responder(name)]) for name in ("ann", "ben", "cid")))
    desk.channel.failures = [DeliveryDelayed("http 500") for _ in range(6)]
    desk.raises()
    await desk.forward(59)
    desk.channel.failures = [DeliveryRefused("http 404")]
    await desk.forward(2)
    assert desk.told() == ["cid"]


async def test_a_hand_over_on_the_spot_has_its_own_entry(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann", "fax:1")]), (120, [desk.responder("ben")]))
    alert = desk.raises()
    await desk.settle()
    assert [entry.detail["tier"] for entry in desk.entries(alert, "escalated")] == [1, 2]


async def test_when_everybody_refuses_they_are_not_told_in_a_tight_loop(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann", "fax:1")]))
    alert = desk.raises()
    await desk.forward(120)
    assert [row.error for row in desk.notifications(alert)] == ["no channel of the kind 'fax'"] * 3
    assert [entry.detail["reason"] for entry in desk.entries(alert, "exhausted")] == ["all_refused"] * 2


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
    desk.two_tiers()
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


async def test_a_panic_does_not_wait_behind_lesser_alerts_on_its_channel(desk: Desk) -> None:
    slow = SlowChannel()
    desk.worker = desk.new_worker(channels={"slow": slow})
    desk.policy((0, [desk.responder("sue", "slow:1")]))
    for number in range(20):
        desk.raises(kind="tamper", severity="high", nurse=f"nur_{number}")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.worker.run())
        await eventually(lambda: slow.begun == MAX_SENDS_PER_CHANNEL - 1, what="lesser ones on their way")
        panic = desk.raises(nurse="nur_20")
        desk.worker.wake()
        await eventually(lambda: slow.begun == MAX_SENDS_PER_CHANNEL, what="the panic on its way")
        slow.open.set()
        await eventually(lambda: len(slow.sent) == 21, what="all told")
        running.cancel()
    assert panic in [notice.alert for notice in slow.sent[:MAX_SENDS_PER_CHANNEL]]


async def test_the_gravest_alert_is_told_first(desk: Desk) -> None:
    desk.policy((0, [desk.responder("ann")]))
    alerts = [
        desk.raises(kind=kind, severity=severity, nurse=f"nur_{kind}")
        for kind, severity in [
            ("fence_exit", "warning"),
            ("tamper", "high"),
            ("fall", "critical"),
            ("comet", "unheard_of"),
            ("panic", "critical"),
        ]
    ]
    assert await desk.worker.escalate_due() == 5
    with desk.database.reading() as connection:
        due = take_due_notices(connection, desk.clock.now_ms(), limit=5, per_channel=6)
    order = [owed.notice.alert for owed in due]
    assert (order[0], set(order[1:3]), order[3:]) == (
        alerts[4],
        {alerts[2], alerts[3]},
        [alerts[1], alerts[0]],
    )


async def test_several_workers_on_one_store_tell_everybody_once(desk: Desk) -> None:
    desk.two_tiers()
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
    desk.two_tiers()
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
    desk.two_tiers()
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
