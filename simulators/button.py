"""A one-button alarm: it knows neither time of day nor place, only that it was pressed."""

from devices.clock import Clock
from simulators.device import Device
from simulators.waiting import first_of

_BEAT_S = 60.0


class Button(Device):
    """A button on a lanyard."""

    async def run(self) -> None:
        await first_of(super().run(), self._beat(self._clock))

    async def _beat(self, clock: Clock) -> None:
        while True:
            await clock.sleep_s(_BEAT_S)
            self.say_status()

    def press(self, *, named: bool = True, test: bool = False) -> str:
        """Raise a panic without a position; returns its name (its `seq` as text if not `named`)."""
        return self.alarm("panic", named=named, test=test)
