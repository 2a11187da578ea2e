"""Steps: a clock whose hand jumps, so that a few milliseconds of the machine's change no measurement."""

from devices.clock import Clock

_STEP_S = 0.1
_EARLY_S = 0.002  # a timer may end this much too soon


class Steps:
    """`clock` as seen by what must come out the same twice: counted in tenths of a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s = clock.monotonic_s()

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def monotonic_s(self) -> float:
        gone_s = self._clock.monotonic_s() - self._began_s
        return int((gone_s + _EARLY_S) / _STEP_S) * _STEP_S

    def begin(self) -> None:
        """Count from now on."""
        self._began_s = self._clock.monotonic_s()

    async def sleep_s(self, duration_s: float) -> None:
        await self._clock.sleep_s(duration_s)
