"""Presses: panics, one after the other, each timed from its publish to the screen and back to the phone."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from devices.clock import Clock
from safety.bench.cast import Credentials
from safety.bench.errors import BenchFailed
from safety.bench.phone import Phone
from safety.bench.screen import Screen

PATIENCE_S = 20.0
_GAP_S = 0.03


class Took(NamedTuple):
    """How long (ms) after a press its alert was on the screen, and `alarm_received` at the phone."""

    shown_ms: float
    received_ms: float


class Presses:
    """Presses the phones in turn. Each panic is a new alert: it is resolved before the next press."""

    def __init__(self, clock: Clock, screen: Screen, phones: Sequence[Phone]) -> None:
        self._clock, self._screen, self._phones = clock, screen, phones

    async def press(self, turn: int) -> Took:
        """Press, wait until it is everywhere, and close the alert.

        Raises:
            BenchFailed: it did not come through in time.
        """
        phone = self._phones[turn % len(self._phones)]
        shown = self._screen.expect(phone.id, "raised")
        pressed_s = self._clock.monotonic_s()
        received = phone.press()
        try:
            async with asyncio.timeout(PATIENCE_S):
                seen, received_s = await asyncio.gather(shown, received)
                closed = self._screen.expect(phone.id, "resolved")
                await self._screen.resolve(seen)
                await closed
        except TimeoutError as error:
            raise BenchFailed(
                f"panic {turn} of {phone.id} did not come through in {PATIENCE_S:g} s"
            ) from error
        return Took((seen.at_s - pressed_s) * 1000, (received_s - pressed_s) * 1000)

    async def pause(self, turn: int) -> None:
        """Wait a moment, never in step with what the service does by the clock: the golden ratio spreads
        the turns evenly."""
        await self._clock.sleep_s(_GAP_S * (1 + turn * 0.618 % 1))


async def connect(
    stack: AsyncExitStack, phones: Sequence[Credentials], port: int, clock: Clock
) -> list[Phone]:
    """Connect `phones` to the broker at `port` until `stack` is closed."""
    connected = [Phone(credentials, port, clock) for credentials in phones]
    for phone in connected:
        await phone.open()
        stack.push_async_callback(phone.close)
    return connected
