"""A nurse's phone: it reports where she is, speaks for the app, and answers what it is told."""

import asyncio
from random import Random

from devices.clock import Clock
from simulators.address import Broker
from simulators.device import Device
from simulators.heard import Heard
from simulators.journal import Journal
from simulators.payloads import AlarmKind, EventKind
from simulators.quirks import PERFECT, Quirks
from simulators.roster import Credentials
from simulators.speech import Speech
from simulators.waiting import event_or_time, first_of
from simulators.whereabouts import Whereabouts

_BATTERY_PCT_PER_FIX = 0.01


class Phone(Device):
    """A phone with the nurse's app on it."""

    def __init__(
        self,
        credentials: Credentials,
        broker: Broker,
        clock: Clock,
        rng: Random,
        journal: Journal,
        whereabouts: Whereabouts,
        fix_every_s: float = 5.0,
        *,
        quirks: Quirks = PERFECT,
        speech: Speech | None = None,
    ) -> None:
        """A `fix_every_s` of 0 reports a position only when asked or told to."""
        super().__init__(credentials, broker, clock, rng, journal, quirks=quirks, speech=speech)
        self.whereabouts = whereabouts
        self._every_s = self._own_pace_s = fix_every_s
        self._pace_changed = asyncio.Event()

    @property
    def fix_every_s(self) -> float:
        """Seconds between two positions; 0 for none."""
        return self._every_s

    @fix_every_s.setter
    def fix_every_s(self, every_s: float) -> None:
        self._every_s = every_s
        self._pace_changed.set()

    def keep_pace(self, every_s: float) -> None:
        """Report a position every `every_s` from now on, when nobody asks for another pace."""
        self._own_pace_s = every_s
        self.fix_every_s = every_s

    async def run(self) -> None:
        await first_of(super().run(), self._report_positions())

    async def _report_positions(self) -> None:
        # Not all at the same moment: the phones of a city do not tick together.
        due_s = self._clock.monotonic_s() + self._rng.uniform(0, self._every_s)
        while True:
            wait_s = max(0.0, due_s - self._clock.monotonic_s()) if self._every_s > 0 else None
            if await event_or_time(self._pace_changed, self._clock, wait_s):
                self._pace_changed.clear()
                due_s = self._clock.monotonic_s()
                continue
            if self.battery_pct > 0:
                self.report_position()
            due_s = max(due_s + self._every_s, self._clock.monotonic_s())

    def report_position(self) -> int:
        """Send a fix now, or keep it until there is a network; returns its `seq`."""
        self.battery_pct = max(min(1.0, self.battery_pct), self.battery_pct - _BATTERY_PCT_PER_FIX)
        return self.fix(self.whereabouts.measure())

    def press(self, kind: AlarmKind = "panic", *, test: bool = False, silent: bool = False) -> str:
        """Raise an alarm with her position in it; returns its name."""
        return self.alarm(kind, self.whereabouts.measure(), test=test, silent=silent)

    def tell(
        self,
        kind: EventKind,
        *,
        visit: str | None = None,
        pin: str | None = None,
        alarm: str | None = None,
    ) -> int:
        """Report an event of the visit with her position in it; returns its `seq`."""
        return self.event(kind, self.whereabouts.measure(), visit=visit, pin=pin, alarm=alarm)

    def on_heard(self, heard: Heard) -> None:
        if heard.kind == "locate":
            self.report_position()
        elif heard.kind == "configure" and isinstance(heard.fix_every_s, float) and heard.fix_every_s > 0:
            self.fix_every_s = heard.fix_every_s
        elif heard.kind == "configure" and heard.fix_every_s is None:
            self.fix_every_s = self._own_pace_s
