"""Window: bounded, in order, and patient when admission fails."""

import asyncio

from devices.clock import ManualClock
from ingest.subscriber.window import Window
from tests.support.recording import RecordingAdmission
from tests.support.waiting import eventually


async def settle(window: Window, clock: ManualClock, *tasks: asyncio.Task[None]) -> None:
    """Let time pass until all `tasks` are done."""

    def passes() -> bool:
        clock.advance_s(1)
        return all(task.done() for task in tasks)

    await eventually(passes, what="all are through")
    await asyncio.gather(*tasks)
    assert window.inside == 0


def start(window: Window, admission: RecordingAdmission, numbers: range) -> list[asyncio.Task[None]]:
    def attempt(number: int) -> asyncio.Task[None]:
        return asyncio.create_task(window.admit(lambda: admission.admit("t", b"%d" % number)))

    return [attempt(number) for number in numbers]


async def test_no_more_than_its_size_is_inside_admission() -> None:
    window, admission, clock = Window(3, ManualClock()), RecordingAdmission(), ManualClock()
    admission.open.clear()
    tasks = start(window, admission, range(10))
    await eventually(lambda: admission.inside == 3)
    assert (window.full, window.roomy) == (True, False)
    admission.open.set()
    await settle(window, clock, *tasks)
    assert admission.most_inside == 3
    assert admission.payloads == [b"%d" % number for number in range(10)]
    await asyncio.wait_for(window.room(), 1)


async def test_one_tries_for_all_and_all_follow_in_their_order() -> None:
    clock = ManualClock()
    window, admission = Window(10, clock), RecordingAdmission()
    admission.open.clear()
    tasks = start(window, admission, range(5))
    await eventually(lambda: admission.inside == 5)
    admission.failing = 5 + 4
    admission.open.set()
    await eventually(lambda: admission.failing == 4)
    tasks += start(window, admission, range(5, 8))
    await settle(window, clock, *tasks)
    assert admission.payloads == [b"%d" % number for number in range(8)]
    # Each of the first five once, then the first alone until it was through, then the others.
    assert admission.begun[5:10] == [b"0"] * 5


async def test_a_message_that_cannot_be_admitted_holds_up_no_other() -> None:
    clock = ManualClock()
    window, admission = Window(10, clock), RecordingAdmission()
    left = 3

    async def broken() -> None:
        nonlocal left
        if left:
            left -= 1
            raise ZeroDivisionError
        await admission.admit("t", b"broken")

    first = asyncio.create_task(window.admit(broken))
    others = start(window, admission, range(3))
    await asyncio.gather(*others)
    assert admission.payloads == [b"0", b"1", b"2"]
    await settle(window, clock, first)
    assert (admission.payloads[-1], window.retries) == (b"broken", 3)


async def test_what_is_given_up_makes_room_for_the_next_to_try() -> None:
    clock = ManualClock()
    window, admission = Window(10, clock), RecordingAdmission()
    admission.failing = 1
    first, second = start(window, admission, range(2))
    await eventually(lambda: admission.failing == 0)
    first.cancel()
    await settle(window, clock, second)
    assert admission.payloads == [b"1"]
    assert first.cancelled()
