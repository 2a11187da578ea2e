"""The mailbox: a command for a device that sends over HTTP is not lost when an answer is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from devices.clock import ManualClock
from devices.commands import Command, CommandKind
from ingest.gateway.mailbox import WAIT_S, MemoryMailbox
from safety.routing.mailbox import LOOK_EVERY_S, StoreMailbox
from safety.store.database import Database, database_url
from safety.store.handouts import BEFORE_FIRST_MS, MAX_PER_ANSWER, MAX_TIMES
from safety.store.outbox import OwedCommand, command_of, owe_command, record_command_sent
from safety.store.tables import commands, metadata
from tests.support.waiting import PATIENCE_S, eventually


class Post:
    """A store, a mailbox over it, and what is owed to one device."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(database_url(folder))
        metadata.create_all(self.database.engine)
        self.clock = ManualClock()
        self.mailbox = StoreMailbox(self.database, self.clock)

    def owe(
        self,
        id: str,
        kind: CommandKind = "message",
        *,
        alarm: str | None = None,
        device: str = "dev_a",
        ttl_s: float = 3600,
    ) -> None:
        with self.database.writing() as connection:
            owe_command(
                connection,
                id=id,
                device=device,
                kind=kind,
                alarm=alarm,
                alert="alert-1" if alarm else None,
                at_ms=self.clock.now_ms(),
                ttl_s=ttl_s,
            )

    def send_all(self) -> None:
        """Have the broker take everything, as it does for a device that is not there."""
        with self.database.writing() as connection:
            for row in connection.execute(commands.select()).all():
                record_command_sent(connection, OwedCommand(command_of(row), 0, row.expires_ms), 1)

    async def told(self, request: str | None = None, *alarms: str | None) -> list[str]:
        given = await self.mailbox.hand_out("dev_a", alarms=alarms, request=request)
        return [command.id for command in given]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    yield post
    post.database.close()


async def test_it_is_handed_out_until_the_device_has_said_that_it_has_it(post: Post) -> None:
    post.owe("c-1")
    post.owe("c-2")
    post.owe("other", device="dev_b")
    assert await post.told() == ["c-1", "c-2"]
    assert await post.told() == ["c-1", "c-2"]
    await post.mailbox.seen("dev_a", ["c-1", "other", "nonsense"])
    assert await post.told() == ["c-2"]
    assert [one.id for one in await post.mailbox.hand_out("dev_b")] == ["other"]


async def test_it_survives_a_restart(post: Post) -> None:
    post.owe("c-1")
    assert await post.told() == ["c-1"]
    post.mailbox = StoreMailbox(post.database, post.clock)
    assert await post.told() == ["c-1"]


async def test_a_device_that_never_says_so_is_told_ten_times(post: Post) -> None:
    post.owe("c-1")
    for _ in range(MAX_TIMES):
        assert await post.told() == ["c-1"]
    assert await post.told() == []


async def test_what_has_expired_is_not_told(post: Post) -> None:
    post.owe("c-1", ttl_s=60)
    post.clock.advance_s(61)
    assert await post.told() == []


async def test_what_the_broker_took_is_told_all_the_same(post: Post) -> None:
    assert await post.told() == []
    post.clock.advance_s(3600)
    post.owe("c-1")
    post.send_all()
    assert await post.told() == ["c-1"]


async def test_what_went_over_mqtt_before_it_ever_came_here_is_not_told_again(post: Post) -> None:
    post.owe("old")
    post.send_all()
    post.owe("away")
    post.clock.advance_s(BEFORE_FIRST_MS / 1000 + 1)
    assert await post.told() == ["away"]


async def test_a_sender_that_repeats_its_request_missed_the_answer(post: Post) -> None:
    post.owe("c-1")
    assert await post.told("r-1") == ["c-1"]
    assert await post.told("r-1") == ["c-1"]
    post.owe("c-2")
    assert await post.told("r-2") == ["c-2"]
    assert await post.told("r-3") == []


async def test_what_a_dialect_has_no_words_for_is_not_handed_out(post: Post) -> None:
    post.owe("m-1")
    post.owe("l-1", "locate")
    kinds: tuple[CommandKind, ...] = ("locate",)
    given = await post.mailbox.hand_out("dev_a", kinds=kinds, request="r-1")
    assert [command.id for command in given] == ["l-1"]
    assert await post.mailbox.hand_out("dev_a", kinds=kinds, request="r-2") == []
    assert await post.told() == ["m-1"]


async def test_too_much_is_told_newest_first(post: Post) -> None:
    for number in range(MAX_PER_ANSWER + 5):
        post.owe(f"c-{number:02}")
    given = await post.told()
    assert given == [f"c-{number:02}" for number in range(5, MAX_PER_ANSWER + 5)]
    await post.mailbox.seen("dev_a", given)
    assert await post.told() == [f"c-{number:02}" for number in range(5)]


async def test_an_alarm_that_was_repeated_is_answered_once(post: Post) -> None:
    for number in range(3):
        post.owe(f"r-{number}", "alarm_received", alarm="a-1")
        post.clock.advance_s(1)
    post.owe("k-1", "alarm_acknowledged", alarm="a-1")
    assert await post.told() == ["r-2", "k-1"]
    await post.mailbox.seen("dev_a", ["r-2"])
    assert await post.told() == ["k-1"]


async def test_the_answer_to_an_alarm_waits_for_its_receipt(post: Post) -> None:
    waiting = asyncio.create_task(post.told(None, "a-1"))
    await eventually(lambda: bool(post.mailbox._waiting), what="an answer that waits")
    post.owe("other", "alarm_received", alarm="a-0")
    post.mailbox.wake()
    post.owe("r-1", "alarm_received", alarm="a-1")
    post.mailbox.wake()
    assert set(await asyncio.wait_for(waiting, PATIENCE_S)) == {"other", "r-1"}
    assert post.mailbox._waiting == set()


async def test_the_answer_waits_a_second_and_finds_what_another_process_stored(post: Post) -> None:
    waiting = asyncio.create_task(post.told(None, "a-1", None))

    def pushed() -> bool:
        post.clock.advance_s(LOOK_EVERY_S / 4)
        return waiting.done()

    post.owe("r-1", "alarm_received", alarm="a-1")
    began_s = post.clock.monotonic_s()
    await eventually(pushed, what="the end of the wait")
    assert await waiting == ["r-1"]  # the other never came
    assert post.clock.monotonic_s() - began_s >= WAIT_S


async def test_each_request_looks_at_no_more_than_its_own_devices_commands(post: Post) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        asked.append((statement, given))

    post.owe("c-1")
    event.listen(post.database.engine, "before_cursor_execute", note)
    assert await post.told() == ["c-1"]
    event.remove(post.database.engine, "before_cursor_execute", note)
    looks = [(statement, given) for statement, given in asked if statement.startswith("SELECT")]
    assert looks
    with post.database.reading() as connection:
        for statement, given in looks:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            steps = " ".join(row.detail for row in plan)
            assert "SCAN" not in steps, steps
            assert "commands_device" in steps, steps


async def test_the_fake_keeps_to_the_same_rules() -> None:
    mailbox = MemoryMailbox()
    mailbox.owe(Command(id="c-1", device="dev_a", kind="message", at_ms=0))
    for request in ("r-1", "r-1"):
        assert [one.id for one in await mailbox.hand_out("dev_a", request=request)] == ["c-1"]
    assert await mailbox.hand_out("dev_a", request="r-2") == []
    mailbox.owe(Command(id="c-2", device="dev_a", kind="message", at_ms=0))
    assert [one.id for one in await mailbox.hand_out("dev_a")] == ["c-2"]
    await mailbox.seen("dev_a", ["c-2"])
    assert await mailbox.hand_out("dev_a") == []
