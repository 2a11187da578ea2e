"""Commands down, as scenarios: what a device is told, in which order, and what holds it up."""

import asyncio

import pytest

from devices.commands import Command, CommandKind
from devices.errors import UnknownDevice
from ingest.errors import NotConnected
from safety.routing.commands import MAX_BREAKS, RecordingSender, retry_after_s
from safety.store.outbox import owe_command
from tests.support.paging import Desk
from tests.support.waiting import eventually


def owe(
    desk: Desk, id: str, device: str = "dev_1", kind: CommandKind = "locate", ttl_s: float = 3600.0
) -> None:
    with desk.database.writing() as connection:
        owe_command(connection, id=id, device=device, kind=kind, at_ms=desk.clock.now_ms(), ttl_s=ttl_s)


def sent(desk: Desk, device: str = "dev_1") -> list[str]:
    return [command.id for command in desk.sender.sent if command.device == device]


async def test_a_device_hears_of_its_alarm_from_receipt_to_close(desk: Desk) -> None:
    alert = desk.raises()
    await desk.settle()
    desk.acts(alert, "acknowledge")
    await desk.settle()
    desk.acts(alert, "resolve", reason="assisted")
    await desk.settle()
    kinds = [command.kind for command in desk.sender.sent]
    assert kinds == ["alarm_received", "alarm_acknowledged", "alarm_closed"]
    assert {(command.alarm, command.alert) for command in desk.sender.sent} == {("alarm-1", alert)}
    told = [entry.detail["kind"] for entry in desk.entries(alert, "device_told")]
    assert told == ["alarm_acknowledged", "alarm_closed"]


async def test_what_is_owed_twice_is_told_once(desk: Desk) -> None:
    owe(desk, "c1")
    owe(desk, "c1")
    await desk.settle()
    owe(desk, "c1")
    await desk.settle()
    assert sent(desk) == ["c1"]


async def test_a_device_is_told_in_the_order_in_which_it_came_up(desk: Desk) -> None:
    desk.sender.failures = [NotConnected("no connection")]
    owe(desk, "c2", kind="alarm_acknowledged")
    owe(desk, "c3", kind="alarm_closed")
    owe(desk, "c9", kind="alarm_received")
    await desk.settle()
    assert sent(desk) == []
    desk.clock.advance_s(0.1)
    owe(desk, "c0")
    await desk.settle()
    assert sent(desk) == [], "what came later does not overtake what waits"
    await desk.forward(1)
    assert sent(desk) == ["c9", "c2", "c3", "c0"]


async def test_one_device_does_not_hold_up_another(desk: Desk) -> None:
    class SilentTo(RecordingSender):
        async def send(self, command: Command) -> None:
            if command.device == "dev_1":
                await asyncio.Event().wait()
            await super().send(command)

    desk.sender = SilentTo()
    desk.worker = desk.new_worker()
    owe(desk, "c1")
    owe(desk, "c2", device="dev_2")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.worker.run())
        await eventually(lambda: sent(desk, "dev_2") == ["c2"])
        running.cancel()


async def test_a_command_that_expired_is_not_sent_any_more(desk: Desk) -> None:
    desk.sender.failures = [NotConnected("no connection") for _ in range(1000)]
    owe(desk, "c1", ttl_s=20)
    owe(desk, "c2", ttl_s=3600)
    await desk.forward(30)
    desk.sender.failures.clear()
    await desk.forward(5)
    assert sent(desk) == ["c2"]
    assert [(row.due_ms, row.sent_ms is None) for row in desk.commands()] == [(None, True), (None, False)]


async def test_what_a_device_will_never_take_is_given_up_at_once(desk: Desk) -> None:
    desk.sender.failures = [UnknownDevice("no device dev_1")]
    owe(desk, "c1")
    owe(desk, "c2")
    await desk.settle()
    assert sent(desk) == ["c2"]


async def test_a_command_that_breaks_its_sender_does_not_hold_up_the_others_for_ever(desk: Desk) -> None:
    desk.sender.failures = [ZeroDivisionError("bug") for _ in range(MAX_BREAKS)]
    owe(desk, "c1")
    owe(desk, "c2")
    await desk.forward(60)
    assert sent(desk) == ["c2"]
    assert desk.sender.failures == []


async def test_killed_between_sending_and_recording_it_is_sent_again(desk: Desk) -> None:
    class Killed(BaseException):
        """The process ends here."""

    class DiesAfterSending(RecordingSender):
        async def send(self, command: Command) -> None:
            await super().send(command)
            raise Killed

    owe(desk, "c1")
    desk.sender = DiesAfterSending()
    desk.worker = desk.new_worker()
    with pytest.raises(BaseExceptionGroup):
        await desk.settle()
    assert sent(desk) == ["c1"]

    desk.sender = RecordingSender()
    desk.worker = desk.new_worker()
    await desk.settle()
    assert sent(desk) == ["c1"]


def test_pauses_between_attempts() -> None:
    assert [retry_after_s(attempts) for attempts in range(1, 7)] == [0.5, 1, 2, 4, 5, 5]
    assert retry_after_s(10_000) == 5
