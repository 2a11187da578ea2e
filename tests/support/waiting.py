"""The one room where tests wait: for a condition, with a deadline, never for a length of time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, overload

T = TypeVar("T")

PATIENCE_S: Final = 60.0
"""How long what usually takes moments may take on a machine that is slow and has much else to do."""

_FIRST_PAUSE_S: Final = 0.002
_LONGEST_PAUSE_S: Final = 0.05


class NotInTime(AssertionError):
    """What was waited for did not come before the deadline."""


def wait_until(
    predicate: Callable[[], T | None], timeout_s: float = PATIENCE_S, what: str = "the condition"
) -> T:
    """Calls `predicate` until it answers something true, and returns that.

    `what` names the awaited thing in the failure. An AssertionError of the predicate counts as "not yet" and
    is shown when time is up; any other exception ends the wait at once. Raises NotInTime after `timeout_s`.
    """
    deadline_s = time.monotonic() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while True:
        last: object
        cause: AssertionError | None = None
        try:
            value = predicate()
        except AssertionError as error:
            last = cause = error
        else:
            if value:
                return value
            last = value
        if time.monotonic() >= deadline_s:
            raise _late(what, timeout_s, last) from cause
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


@overload
async def eventually(
    predicate: Callable[[], Awaitable[T | None]], timeout_s: float = ..., what: str = ...
) -> T: ...
@overload
async def eventually(predicate: Callable[[], T | None], timeout_s: float = ..., what: str = ...) -> T: ...
async def eventually(
    predicate: Callable[[], object], timeout_s: float = PATIENCE_S, what: str = "the condition"
) -> object:
    """`wait_until` for a running event loop: `predicate` may be a plain or an async function."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while True:
        last: object
        cause: AssertionError | None = None
        try:
            value = predicate()
            if inspect.isawaitable(value):
                value = await value
        except AssertionError as error:
            last = cause = error
        else:
            if value:
                return value
            last = value
        if loop.time() >= deadline_s:
            raise _late(what, timeout_s, last) from cause
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _late(what: str, timeout_s: float, last: object) -> NotInTime:
    return NotInTime(f"{what}: not within {timeout_s:g} s; last seen: {last!r}")
