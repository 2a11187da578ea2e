"""Crowd: devices that talk whatever is killed, and keep a diary of what they were told."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import cycle
from random import Random
from typing import NamedTuple

from devices import topics
from devices.clock import Clock
from tests.faults.checker import Kind, Message, Press, Receipt, Told
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


class Unconfirmed(NamedTuple):
    """Something that has no PUBACK yet: what it is, where it goes, and what is said."""

    message: Message
    channel: topics.Channel
    payload: bytes


class Diary(Told):
    """What the devices of a crowd were told, and when: `waits` are from when an alarm was first said on the
    connection that brought its answer until then."""

    def __init__(self) -> None:
        super().__init__()
        self.published = 0
        self.waits: list[Wait] = []


class TalkingDevice:
    """Keeps each fix and each event until its PUBACK, and says each alarm again until `alarm_received`.

    A connection on which nothing was acknowledged for `patience_s` is given up, as one without a PINGRESP.
    """

    def __init__(
        self,
        login: Login,
        port: Callable[[], int],
        clock: Clock,
        rng: Random,
        diary: Diary,
        host: str = "127.0.0.1",
        patience_s: float = 60.0,
    ) -> None:
        self.id = login.id
        self.nurse = login.nurse
        self._secret = login.secret
        self._host = host
        self._patience_s = patience_s
        self._port = port
        self._clock = clock
        self._rng = rng
        self._diary = diary
        self._wire: Wire | None = None
        self._seq = 0
        self._unconfirmed: dict[int, Unconfirmed] = {}
        self._alarms: dict[str, bytes] = {}
        self._said: dict[str, Said] = {}

    @property
    def confirmed(self) -> bool:
        """Whether every fix and every event was acknowledged."""
        return not self._unconfirmed

    @property
    def idle(self) -> bool:
        """Whether all that it said was acknowledged, and every alarm received."""
        return self.confirmed and not self._alarms

    @property
    def connected(self) -> bool:
        return self._wire is not None

    def fix(self) -> None:
        """Say where it is."""
        place = {"lat": 31.2 + self._rng.random() / 10, "lon": 121.4 + self._rng.random() / 10}
        self._tell("fix", "location", {**place, "accuracy_m": 9})

    def check_in(self) -> None:
        """Say that she is well."""
        self._tell("event", "event", {"kind": "check_in"})

    def press(self) -> Press:
        """Call for help."""
        alarm = f"{self.id[-4:]}-{len(self._diary.pressed)}-{self._rng.getrandbits(32):08x}"
        payload = {"kind": "panic", "id": alarm, "time": self._clock.now_ms()}
        self._alarms[alarm] = json.dumps(payload).encode()
        press = Press(self.id, alarm)
        self._diary.pressed.add(press)
        self._say_alarm(alarm)
        return press

    async def run(self) -> None:
        """Connect for ever; ends when cancelled."""
        while True:
            try:
                wire = await Wire.open(self._port(), self.id, self._secret, self._hear, self._host)
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
            self._say(seq)
        for alarm in list(self._alarms):
            self._say_alarm(alarm)
        while not wire.lost.is_set() and not wire.silent_since(self._clock.monotonic_s() - self._patience_s):
            for alarm in list(self._alarms):
                if self._said[alarm].due_s <= self._clock.monotonic_s():
                    self._say_alarm(alarm)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await wire.lost.wait()

    def _tell(self, kind: Kind, channel: topics.Channel, what: Mapping[str, object]) -> None:
        seq, self._seq = self._seq, self._seq + 1
        payload = json.dumps({**what, "seq": seq, "time": self._clock.now_ms()}).encode()
        self._unconfirmed[seq] = Unconfirmed(Message(self.id, kind, str(seq)), channel, payload)
        self._say(seq)

    def _say(self, seq: int) -> None:
        if self._wire is None:
            return
        said, channel, payload = self._unconfirmed[seq]

        def confirmed() -> None:
            self._unconfirmed.pop(seq, None)
            self._diary.confirmed.add(said)

        self._diary.published += 1
        self._wire.publish(topics.up(self.id, channel), payload, confirmed, self._clock.monotonic_s())

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
            topics.up(self.id, "alarm"), self._alarms[alarm], lambda: self._diary.confirmed.add(said), now_s
        )

    def _hear(self, payload: bytes) -> None:
        command = json.loads(payload)
        if command["kind"] == "alarm_received":
            press = Press(self.id, command["alarm"])
            self._diary.receipts.add(Receipt(press, command["alert"]))
            if self._alarms.pop(press.alarm, None) is not None:
                self._diary.waits.append(Wait(self._said[press.alarm].first_s, self._clock.monotonic_s()))


class Crowd:
    """All the devices of a fleet, at `rate_per_s` fixes and `presses_per_s` panics in total.

    One fix in `check_in_every` is a check-in instead.
    """

    def __init__(
        self,
        logins: list[Login],
        port: Callable[[], int],
        clock: Clock,
        seed: int,
        *,
        rate_per_s: float = 197.0,
        presses_per_s: float = 3.0,
        check_in_every: int = 10**9,
        host: str = "127.0.0.1",
        patience_s: float = 60.0,
    ) -> None:
        self.diary = Diary()
        self._clock = clock
        self._rng = Random(f"crowd {seed}")
        self._rate_per_s = rate_per_s
        self._presses_per_s = presses_per_s
        self._check_in_every = check_in_every
        self.devices = [
            TalkingDevice(login, port, clock, Random(f"{seed} {number}"), self.diary, host, patience_s)
            for number, login in enumerate(logins)
        ]
        self.pressers = self.devices
        """Who calls for help."""
        self._turn = cycle(self.devices)
        self._talkative = True

    @property
    def all_connected(self) -> bool:
        return all(device.connected for device in self.devices)

    @property
    def all_confirmed(self) -> bool:
        """Whether every fix was acknowledged; alarms may still wait for their answer."""
        return all(device.confirmed for device in self.devices)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way any more."""
        return all(device.idle for device in self.devices)

    def press(self) -> None:
        """Have one of the devices call for help now."""
        self._rng.choice(self.pressers).press()

    def be_quiet(self) -> None:
        """Say nothing new; what is under way goes on until it is done."""
        self._talkative = False

    def talk(self) -> None:
        """Go on after `be_quiet`."""
        self._talkative = True

    async def run(self) -> None:
        """Play all devices until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for device in self.devices:
                tasks.create_task(device.run(), name=f"device {device.id}")
            tasks.create_task(self._drive(), name="drive")

    async def _drive(self) -> None:
        fixes = presses = 0.0
        said, last_s = 0, self._clock.monotonic_s()
        while True:
            last_s, gone_s = (now_s := self._clock.monotonic_s()), now_s - last_s
            if self._talkative:
                fixes += gone_s * self._rate_per_s
                presses += gone_s * self._presses_per_s
            while fixes >= 1:
                fixes, said = fixes - 1, said + 1
                device = next(self._turn)
                device.check_in() if said % self._check_in_every == 0 else device.fix()
            while presses >= 1:
                presses -= 1
                self.press()
            await self._clock.sleep_s(_TICK_S)
