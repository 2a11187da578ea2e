"""The outbox of a live client: alerts first, each lane in order, and never more than it may hold."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from safety.api.outbox import Frame, Outbox
from tests.support.waiting import PATIENCE_S


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


async def test_whoever_fills_it_waits_until_all_is_taken() -> None:
    outbox = Outbox()
    await asyncio.wait_for(outbox.emptied(), PATIENCE_S)
    for number in range(2):
        outbox.put(frame(number, urgent=False))
    waiting = asyncio.ensure_future(outbox.emptied())
    await outbox.get()
    await asyncio.wait({waiting}, timeout=0)
    assert not waiting.done()
    await outbox.get()
    await asyncio.wait_for(waiting, PATIENCE_S)
