"""Places: how many requests may be in admission at once, and how much each sender may send.

Alarms and events have places and a budget of their own, which no flood of locations can use up.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil

from devices.clock import Clock
from devices.registry.port import Device
from ingest.gateway.answers import Refused, unavailable
from ingest.limits import Budget, Budgets, Limits

PLACES = 256
"""Of urgent requests, of ordinary ones, and of those of gateways; each is held as long as a body takes."""
PLACES_OF_ONE = 16
"""Of one device at once: another's alarm must find a place however slowly this one sends."""
PATIENCE_S = 10.0
"""How long a gateway waits for a place: it may say a thing only once."""
LONGEST_PAUSE_S = 2.0
_FORGET_EVERY_S = 60.0


class Places:
    """Lets requests in; what is refused is refused with 503, so that it comes again."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self._clock = clock
        self._budgets = Budgets(limits)
        self._forgot_s = clock.monotonic_s()
        self._inside = {True: Counter[str](), False: Counter[str]()}
        self._brought = asyncio.Semaphore(PLACES)

    def inside(self, *, urgent: bool) -> int:
        """Return how many requests of devices are in admission."""
        return self._inside[urgent].total()

    @asynccontextmanager
    async def device(
        self, device: Device, *, urgent: bool = False, patient: bool = False
    ) -> AsyncIterator[None]:
        """Hold a place for a request of `device`; `patient`: it may be an alarm, so it waits for its budget.

        Raises:
            Refused: 503, there is no place, or the device has sent too much.
        """
        inside = self._inside[urgent]
        if inside[device.id] >= PLACES_OF_ONE or inside.total() >= PLACES:
            raise unavailable("too many requests at once: come again", "crowded")
        inside[device.id] += 1
        try:
            await self._within_budget(device, urgent=urgent, patient=patient)
            yield
        finally:
            inside[device.id] -= 1
            if not inside[device.id]:
                del inside[device.id]

    @asynccontextmanager
    async def gateway(self, speaker: Device) -> AsyncIterator[None]:
        """Hold a place for a request of a gateway, after waiting for one if need be.

        Raises:
            Refused: 503, there is none for too long.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._brought.acquire()
        except TimeoutError as error:
            raise unavailable("too many requests at once: come again", "crowded") from error
        try:
            await self._within_budget(speaker, urgent=False, patient=True)
            yield
        finally:
            self._brought.release()

    def took(self, device: Device, size: int, *, urgent: bool = False) -> None:
        """Note that a body of `size` bytes was read."""
        now_s = self._clock.monotonic_s()
        if urgent:
            self._budget(device).take_urgent(now_s)
        else:
            self._budget(device).take(size, now_s)
        if now_s - self._forgot_s >= _FORGET_EVERY_S:
            self._forgot_s = now_s
            self._budgets.forget(now_s)

    async def _within_budget(self, device: Device, *, urgent: bool, patient: bool) -> None:
        budget, now_s = self._budget(device), self._clock.monotonic_s()
        wait_s = budget.urgent_wait_s(now_s) if urgent else budget.wait_s(now_s)
        if wait_s <= 0:
            return
        if not patient:
            raise _too_much(wait_s)
        await self._clock.sleep_s(min(wait_s, LONGEST_PAUSE_S))

    def _budget(self, device: Device) -> Budget:
        # Asked for anew each time: one that was forgotten meanwhile is no longer the one in use.
        return self._budgets.of(device.id, self._clock.monotonic_s(), is_gateway=device.kind == "gateway")


def _too_much(wait_s: float) -> Refused:
    return unavailable("more than one device may send: come again", "flood", max(1, ceil(wait_s)))
