"""Crowd: devices that talk whatever is killed, and keep a diary of what they were told."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from random import Random
from typing import NamedTuple

from devices import topics
from devices.clock import Clock
from tests.faults.checker import Message, Press, Receipt, Told
from tests.support.faults_fleet import Login
from tests.support.faults_wire import NotReached, Wire

REPEAT_AFTER_S = (1.0, 2.0, 5.0, 10.0)
"""When an alarm is said again, by docs/protocol.md; the last one stays."""
_TICK_S = 0.01
_LOOK_EVERY_S = 0.25


class Wait(NamedTuple):
    """How long a device waited for an answer, in seconds of the monotonic clock."""

    from_s: float
    until_s: float


class Said(NamedTuple):
    """How often an alarm was said on one connection, since when, and when it is due again."""

    first_s: float
    times: int
    due_s: float


class Diary(Told):
    """What the devices of a crowd were told, and when: `waits` are from when an alarm was first said on the
    connection that brought its answer until then."""

    def __init__(self) -> None:
        super().__init__()
        self.published = 0
        self.waits: list[Wait] = []


class TalkingDevice:
    """Keeps each fix until its PUBACK, and says each alarm again and again until `alarm_received`."""

    def __init__(
        self, login: Login, port: Callable[[], int], clock: Clock, rng: Random, diary: Diary
    ) -> None:
        self.id = login.id
        self._secret = login.secret
        self._port = port
        self._clock = clock
        self._rng = rng
        self._diary = diary
        self._wire: Wire | None = None
        self._seq = 0
        self._unconfirmed: dict[int, bytes] = {}
        self._alarms: dict[str, bytes] = {}
        self._said: dict[str, Said] = {}

    @property
    def confirmed(self) -> bool:
        """Whether every fix was acknowledged."""
        return not self._unconfirmed

    @property
    def idle(self) -> bool:
        """Whether every fix was acknowledged, and every alarm received."""
        return self.confirmed and not self._alarms

    @property
    def connected(self) -> bool:
        return self._wire is not None

    def fix(self) -> None:
        """Say where it is."""
        seq, self._seq = self._seq, self._seq + 1
        place = {"lat": 31.2 + self._rng.random() / 10, "lon": 121.4 + self._rng.random() / 10}
        payload = {**place, "accuracy_m": 9, "seq": seq, "time": self._clock.now_ms()}
        self._unconfirmed[seq] = json.dumps(payload).encode()
        self._say_fix(seq)

    def press(self) -> None:
        """Call for help."""
        alarm = f"{self.id[-4:]}-{len(self._diary.pressed)}-{self._rng.getrandbits(32):08x}"
        payload = {"kind": "panic", "id": alarm, "time": self._clock.now_ms()}
        self._alarms[alarm] = json.dumps(payload).encode()
        self._diary.pressed.add(Press(self.id, alarm))
        self._say_alarm(alarm)

    async def run(self) -> None:
        """Connect for ever; ends when cancelled."""
        while True:
            try:
                wire = await Wire.open(self._port(), self.id, self._secret, self._hear)
            except NotReached:
                await self._clock.sleep_s(self._rng.uniform(0.02, 0.2))
                continue
            try:
                await self._talk(wire)
            finally:
                self._wire = None
                wire.close()

    async def _talk(self, wire: Wire) -> None:
        self._wire = wire
        self._said.clear()
        for seq in list(self._unconfirmed):
            self._say_fix(seq)
        for alarm in list(self._alarms):
            self._say_alarm(alarm)
        while not wire.lost.is_set():
            for alarm in list(self._alarms):
                if self._said[alarm].due_s <= self._clock.monotonic_s():
                    self._say_alarm(alarm)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await wire.lost.wait()

    def _say_fix(self, seq: int) -> None:
        if self._wire is None:
            return

        def confirmed() -> None:
            self._unconfirmed.pop(seq, None)
            self._diary.confirmed.add(Message(self.id, "fix", str(seq)))

        self._diary.published += 1
        self._wire.publish(topics.up(self.id, "location"), self._unconfirmed[seq], confirmed)

    def _say_alarm(self, alarm: str) -> None:
        if self._wire is None:
            return
        said = Message(self.id, "alarm", alarm)
        now_s = self._clock.monotonic_s()
        before = self._said.get(alarm, Said(now_s, 0, now_s))
        pause_s = REPEAT_AFTER_S[min(before.times, len(REPEAT_AFTER_S) - 1)]
        self._said[alarm] = Said(before.first_s, before.times + 1, now_s + pause_s)
        self._diary.published += 1
        self._wire.publish(
            topics.up(self.id, "alarm"), self._alarms[alarm], lambda: self._diary.confirmed.add(said)
        )

    def _hear(self, payload: bytes) -> None:
        command = json.loads(payload)
        if command["kind"] == "alarm_received":
            press = Press(self.id, command["alarm"])
            self._diary.receipts.add(Receipt(press, command["alert"]))
            if self._alarms.pop(press.alarm, None) is not None:
                self._diary.waits.append(Wait(self._said[press.alarm].first_s, self._clock.monotonic_s()))


class Crowd:
    """All the devices of a fleet, at `rate_per_s` fixes and `presses_per_s` panics in total."""

    def __init__(
        self,
        logins: list[Login],
        port: Callable[[], int],
        clock: Clock,
        seed: int,
        *,
        rate_per_s: float = 197.0,
        presses_per_s: float = 3.0,
    ) -> None:
        self.diary = Diary()
        self._clock = clock
        self._rng = Random(f"crowd {seed}")
        self._rate_per_s = rate_per_s
        self._presses_per_s = presses_per_s
        self._devices = [
            TalkingDevice(login, port, clock, Random(f"{seed} {number}"), self.diary)
            for number, login in enumerate(logins)
        ]
        self._turn = cycle(self._devices)
        self._quiet = asyncio.Event()

    @property
    def all_connected(self) -> bool:
        return all(device.connected for device in self._devices)

    @property
    def all_confirmed(self) -> bool:
        """Whether every fix was acknowledged; alarms may still wait for their answer."""
        return all(device.confirmed for device in self._devices)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way any more."""
        return all(device.idle for device in self._devices)

    def press(self) -> None:
        """Have one of the devices call for help now."""
        self._rng.choice(self._devices).press()

    def be_quiet(self) -> None:
        """Say nothing new; what is under way goes on until it is done."""
        self._quiet.set()

    async def run(self) -> None:
        """Play all devices until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for device in self._devices:
                tasks.create_task(device.run(), name=f"device {device.id}")
            tasks.create_task(self._drive(), name="drive")

    async def _drive(self) -> None:
        began_s = self._clock.monotonic_s()
        fixes = presses = 0
        while not self._quiet.is_set():
            gone_s = self._clock.monotonic_s() - began_s
            while fixes < gone_s * self._rate_per_s:
                next(self._turn).fix()
                fixes += 1
            while presses < gone_s * self._presses_per_s:
                self.press()
                presses += 1
            await self._clock.sleep_s(_TICK_S)
