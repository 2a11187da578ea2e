"""Window: bounded, in order, many at a time, and patient when admission fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from devices.clock import ManualClock, SystemClock
from ingest.message import Message
from ingest.refused import Refused
from ingest.subscriber.window import MAX_BATCH, MAX_BATCH_BYTES, Window
from tests.support.recording import RecordingAdmission
from tests.support.waiting import eventually


class Room:
    """A window with everything around it; `through` are the numbers that were admitted, as they were told."""

    def __init__(self, size: int, gather_s: float = 0.0) -> None:
        self.clock = ManualClock()
        self.admission = RecordingAdmission()
        self.batches: list[int] = []
        self.broken: set[bytes] = set()
        self.window: Window[Message | Refused] = Window(size, self.clock, self._admit, gather_s)
        self.through: list[int] = []

    async def _admit(self, messages: Sequence[Message | Refused]) -> None:
        self.batches.append(len(messages))
        if any(message.payload in self.broken for message in messages):
            raise ZeroDivisionError
        await self.admission.admit_all(messages)

    def take(self, numbers: range, size: int = 1) -> None:
        for number in numbers:
            message = Message("t", b"%d" % number)
            self.window.take(message, size, lambda number=number: self.through.append(number))  # type: ignore[misc]

    async def pass_by(self, duration_s: float) -> None:
        """Let so much time pass, and everybody come to their turn before and after."""
        for step_s in (0.0, duration_s):
            self.clock.advance_s(step_s)
            for _ in range(5):
                await SystemClock().sleep_s(0)

    async def settle(self) -> None:
        """Let time pass until nothing is inside."""

        def passes() -> bool:
            self.clock.advance_s(1)
            return self.window.inside == 0

        await eventually(passes, what="all are through")


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room(10)
    yield room
    await room.window.close()


async def test_no_more_than_its_size_is_inside_admission() -> None:
    room = Room(3)
    room.admission.open.clear()
    room.take(range(10))
    await eventually(lambda: room.admission.inside == 3)
    assert (room.window.full, room.window.roomy, room.window.inside) == (True, False, 10)
    room.admission.open.set()
    await room.settle()
    assert room.admission.most_inside == 3
    assert room.through == list(range(10))
    assert room.admission.payloads == [b"%d" % number for number in range(10)]


async def test_what_gathers_goes_in_together_when_its_time_is_over() -> None:
    room = Room(10, gather_s=0.5)
    room.take(range(3))
    await room.pass_by(0.4)
    room.take(range(3, 5))
    assert (room.batches, room.window.inside) == ([], 5)
    await room.pass_by(0.1)
    assert (room.batches, room.through) == ([5], list(range(5)))
    room.take(range(5, 6))
    await room.settle()
    assert room.batches == [5, 1]


async def test_a_batch_that_ends_brings_in_nothing_that_still_gathers() -> None:
    room = Room(10, gather_s=0.5)
    room.admission.open.clear()
    room.take(range(2))
    await room.pass_by(0.5)
    assert room.admission.inside == 2
    room.take(range(2, 4))
    room.admission.open.set()
    await eventually(lambda: room.through == [0, 1])
    assert room.batches == [2]
    await room.settle()
    assert room.through == list(range(4))


@pytest.mark.parametrize("size", [3, 2 * MAX_BATCH])
async def test_enough_gathers_for_nothing(size: int) -> None:
    room = Room(size, gather_s=0.5)
    enough = min(size, MAX_BATCH)
    room.take(range(enough))
    await eventually(lambda: len(room.through) == enough)
    assert room.batches == [enough]


async def test_what_gathers_is_given_up_with_the_window_which_can_be_used_again() -> None:
    room = Room(10, gather_s=0.5)
    room.take(range(2))
    await room.window.close()
    assert room.window.inside == 0
    room.take(range(2, 4))
    await room.settle()
    assert room.through == [2, 3]


async def test_what_comes_at_once_goes_in_together_as_far_as_it_is_not_too_much() -> None:
    room = Room(3 * MAX_BATCH)
    room.take(range(MAX_BATCH + 1))
    await room.settle()
    assert room.batches == [MAX_BATCH, 1]
    room.take(range(3), MAX_BATCH_BYTES // 2)
    room.take(range(1), MAX_BATCH_BYTES * 2)
    await room.settle()
    assert room.batches[2:] == [2, 1, 1]


async def test_says_once_when_there_is_room_again(room: Room) -> None:
    called: list[int] = []
    room.window.when_roomy(lambda: called.append(1))
    assert called == [1]
    room.admission.open.clear()
    room.take(range(10))
    room.window.when_roomy(lambda: called.append(2))
    waiting = asyncio.create_task(room.window.room())
    await eventually(lambda: room.admission.inside == 10)
    assert called == [1]
    assert not waiting.done()
    room.admission.open.set()
    await room.settle()
    await asyncio.wait_for(waiting, 10)
    room.take(range(10))
    await room.settle()
    assert called == [1, 2]


async def test_one_tries_for_all_and_all_follow_in_their_order(room: Room) -> None:
    room.admission.open.clear()
    for number in range(5):  # a batch each
        room.take(range(number, number + 1))
        await eventually(lambda number=number: room.admission.inside == number + 1)  # type: ignore[misc]
    room.admission.failing = 5 + 4
    room.admission.open.set()
    await eventually(lambda: room.admission.failing == 4)
    room.take(range(5, 8))
    await room.settle()
    assert room.through == list(range(8))
    assert room.admission.payloads == [b"%d" % number for number in range(8)]
    # Each of the first five once, then the first alone until it was through, then the others.
    assert room.admission.begun[5:10] == [b"0"] * 5
    assert room.window.retries == 9


async def test_a_message_that_cannot_be_admitted_holds_up_no_other(room: Room) -> None:
    room.broken = {b"1"}
    room.take(range(4))
    await eventually(lambda: room.through == [0, 2, 3], what="the others are through")
    assert room.window.inside == 1
    room.broken.clear()
    await room.settle()
    assert room.through == [0, 2, 3, 1]


async def test_a_message_that_breaks_while_it_tries_for_all_holds_up_no_other(room: Room) -> None:
    room.admission.failing = 1
    room.take(range(1))
    await eventually(lambda: room.admission.failing == 0)
    room.broken = {b"0"}
    room.take(range(1, 3))

    def passes() -> bool:
        room.clock.advance_s(1)
        return room.through == [1, 2]

    await eventually(passes, what="the others are through")
    room.broken.clear()
    await room.settle()
    assert room.through == [1, 2, 0]


async def test_what_is_given_up_is_told_to_nobody_and_makes_room() -> None:
    room = Room(2)
    room.admission.failing = 1
    room.take(range(5))
    await eventually(lambda: room.admission.failing == 0)
    await room.window.close()
    assert (room.window.inside, room.through) == (0, [])
    room.take(range(7, 9))
    await room.settle()
    assert room.through == [7, 8]


async def test_waits_for_all_that_it_admits(room: Room) -> None:
    room.admission.open.clear()
    messages = [Message("t", b"%d" % number) for number in range(25)]
    admitting = asyncio.create_task(room.window.admit(messages, lambda message: len(message.payload)))
    await eventually(lambda: room.admission.inside == 10)
    assert not admitting.done()
    room.admission.open.set()
    await asyncio.wait_for(admitting, 10)
    assert len(room.admission.admitted) == 25
