"""Waiting: who is told to end does end, whatever a library made of the news."""

import asyncio
import contextlib

import pytest

from simulators.errors import LinkDown
from simulators.waiting import end, end_if_cancelled
from tests.support.waiting import PATIENCE_S, eventually


async def test_a_cancellation_that_a_library_turned_into_its_own_error_still_ends_the_task() -> None:
    turns = 0

    async def hang_up() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise LinkDown("disconnected") from None

    async def connect_for_ever() -> None:
        nonlocal turns
        while True:
            turns += 1
            with contextlib.suppress(LinkDown):
                await hang_up()
            end_if_cancelled()

    task = asyncio.ensure_future(connect_for_ever())
    await eventually(lambda: turns == 1, what="it hangs on")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE_S)
    assert turns == 1


async def test_a_cancellation_that_a_library_lost_is_said_again() -> None:
    async def loses_the_first() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(loses_the_first())
    await asyncio.wait([task], timeout=0)
    await asyncio.wait_for(end(task), PATIENCE_S)
    assert task.cancelled()
