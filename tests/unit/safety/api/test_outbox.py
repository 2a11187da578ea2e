"""The outbox of a live client: alerts first, each lane in order, and never more than it may hold."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.api.outbox import Frame, Outbox
from tests.support.waiting import PATIENCE_S, eventually


def frame(number: int, *, urgent: bool) -> Frame:
    return Frame(str(number), urgent=urgent)


@given(st.lists(st.booleans(), max_size=30))
def test_urgent_frames_come_first_and_each_lane_keeps_its_order(lanes: list[bool]) -> None:
    outbox = Outbox()
    frames = [frame(number, urgent=urgent) for number, urgent in enumerate(lanes)]
    assert all(outbox.put(each) for each in frames)

    async def everything() -> list[Frame]:
        return [await outbox.get() for _ in frames]

    assert asyncio.run(everything()) == sorted(frames, key=lambda each: (not each.urgent, int(each.text)))
    assert len(outbox) == 0


def test_a_full_outbox_takes_no_more() -> None:
    outbox = Outbox(max_frames=2)
    assert [outbox.put(frame(number, urgent=False)) for number in range(3)] == [True, True, False]
    # Not even an alert: a client that does not read would never see it.
    assert not outbox.put(frame(3, urgent=True))


async def test_the_size_counts_too_but_one_large_frame_always_fits() -> None:
    outbox = Outbox(max_characters=10)
    assert outbox.put(Frame("x" * 100))
    assert not outbox.put(Frame("x"))
    await outbox.get()
    assert outbox.put(Frame("x"))


async def test_who_waits_gets_the_next_frame() -> None:
    outbox = Outbox()
    waiting = asyncio.ensure_future(outbox.get())
    await asyncio.wait({waiting}, timeout=0)
    assert not waiting.done()
    outbox.put(Frame("now"))
    assert (await asyncio.wait_for(waiting, PATIENCE_S)).text == "now"


async def test_what_is_poured_in_passes_by_nothing_urgent_and_is_passed_by_nothing_else() -> None:
    outbox, asked = Outbox(), list[str]()

    async def pages() -> AsyncIterator[Frame]:
        for text in ("page 1", "page 2"):
            asked.append(text)
            yield Frame(text, urgent=False)

    async def taken() -> str:
        return (await asyncio.wait_for(outbox.get(), PATIENCE_S)).text

    pouring = asyncio.ensure_future(outbox.pour(pages()))
    await eventually(lambda: asked)
    assert outbox.put(Frame("changed since", urgent=False))
    assert outbox.put(Frame("panic"))
    assert [await taken(), asked] == ["panic", ["page 1"]]
    assert [await taken(), await taken()] == ["page 1", "page 2"]
    assert await taken() == "changed since"
    await asyncio.wait_for(pouring, PATIENCE_S)
    assert len(outbox) == 0


async def test_what_waits_is_let_go_when_pouring_is_given_up() -> None:
    outbox = Outbox()

    async def broken() -> AsyncIterator[Frame]:
        yield Frame("page", urgent=False)
        raise ZeroDivisionError

    pouring = asyncio.ensure_future(outbox.pour(broken()))
    assert (await asyncio.wait_for(outbox.get(), PATIENCE_S)).text == "page"
    assert outbox.put(Frame("changed since", urgent=False))
    with pytest.raises(ZeroDivisionError):
        await pouring
    assert (await asyncio.wait_for(outbox.get(), PATIENCE_S)).text == "changed since"
