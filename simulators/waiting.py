"""Waiting for whichever comes first, by the injected clock."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from devices.clock import Clock

_AGAIN_AFTER_S = 0.5


async def first_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Run until the first one ends, end the others, and raise what the first one raised, if it did."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*tasks)
    for task in done:
        task.result()


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel `tasks` until they have ended, whatever they raise then.

    On Python 3.11 `asyncio.wait_for`, which the MQTT client waits with, loses a cancellation that comes just
    when what it waits for is there.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_AFTER_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def event_or_time(event: asyncio.Event, clock: Clock, timeout_s: float | None) -> bool:
    """Wait until `event` is set or `timeout_s` has passed; tell whether it is set."""
    if event.is_set() or timeout_s is None:
        return await event.wait()
    if timeout_s > 0:
        await first_of(event.wait(), clock.sleep_s(timeout_s))
    return event.is_set()


def end_if_cancelled() -> None:
    """End the running task if it was told to: a library may have raised something else in its place."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
