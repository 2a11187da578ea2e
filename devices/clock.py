"""The one Clock: every reading of time, and every wait for it, passes through here."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits; injected wherever time is needed."""

    def now_ms(self) -> int:
        """Return the time as UTC epoch milliseconds."""

    def monotonic_s(self) -> float:
        """Return seconds that never step backwards, for measuring durations."""

    async def sleep_s(self, duration_s: float) -> None:
        """Wait for `duration_s` seconds."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()

    def cpu_s(self) -> float:
        """Return the processor time that this process has used, in seconds: for benchmarks."""
        return time.process_time()

    async def sleep_s(self, duration_s: float) -> None:
        await asyncio.sleep(duration_s)


class ManualClock:
    """A clock that moves only when told to: the fake of `SystemClock`.

    A sleeper wakes when `advance_s` has carried the clock past its time.
    """

    def __init__(self, now_ms: int = 1_750_000_000_000) -> None:
        self._start_ms = now_ms
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_s(self) -> float:
        return (self._now_ms - self._start_ms) / 1000

    async def sleep_s(self, duration_s: float) -> None:
        if duration_s <= 0:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now_ms + round(duration_s * 1000), woken))
        await woken

    def advance_s(self, duration_s: float) -> None:
        """Move time forward by `duration_s` seconds and wake whoever waited for it."""
        self._now_ms += round(duration_s * 1000)
        waiting = self._sleepers
        self._sleepers = [(due, woken) for due, woken in waiting if due > self._now_ms]
        for due, woken in waiting:
            if due <= self._now_ms and not woken.done():
                woken.set_result(None)
