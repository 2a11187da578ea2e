"""A simulated device: it connects for ever, says what it has to say, and hears what it is told."""

import asyncio
from random import Random

import aiomqtt

from devices import topics
from devices.clock import Clock
from devices.topics import Channel
from simulators import payloads
from simulators.address import Broker
from simulators.alarms import AlarmBook, PendingAlarm
from simulators.errors import LinkDown
from simulators.heard import Heard, read_heard
from simulators.journal import Entry, Journal, What
from simulators.link import Link
from simulators.outbox import MAX_LIST, Letter, Outbox
from simulators.payloads import AlarmKind, EventKind, Measured, RecordKind
from simulators.roster import Credentials
from simulators.waiting import event_or_time, first_of

_RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
FIRMWARE = "sim-1.0"


class Device:
    """One device. `run` plays it; everything else may be called at any time, connected or not."""

    def __init__(
        self,
        credentials: Credentials,
        broker: Broker,
        clock: Clock,
        rng: Random,
        journal: Journal,
        *,
        first_seq: int = 0,
        max_list: int = MAX_LIST,
    ) -> None:
        """`max_list` is how many kept fixes it sends in one list after a gap."""
        self.id = credentials.id
        self.journal = journal
        self.battery_pct = rng.uniform(55.0, 100.0)
        self._clock = clock
        self._rng = rng
        self._link = Link(broker, credentials)
        self._outbox = Outbox(max_list)
        self._alarms = AlarmBook()
        self._seq = first_seq
        self._work = asyncio.Event()
        self._switched_on = asyncio.Event()
        self._switched_on.set()
        self.online = False
        self._lasted = False

    # ------------------------------------------------------------------ what it says

    def fix(self, measured: Measured) -> int:
        """Report a position; returns its `seq`."""
        seq = self._next_seq()
        self._outbox.put_fix(seq, payloads.fix(seq, self._clock.now_ms(), measured, self.battery_pct))
        self._work.set()
        return seq

    def alarm(
        self,
        kind: AlarmKind,
        measured: Measured | None = None,
        *,
        named: bool = True,
        test: bool = False,
        silent: bool = False,
    ) -> str:
        """Raise an alarm and say it until it is received; returns its name (`seq` as text if not `named`)."""
        seq, now_ms = self._next_seq(), self._clock.now_ms()
        # A second run with the same seed must not repeat the ids of the first: they would be duplicates.
        name = f"{kind}-{now_ms:x}-{self._rng.getrandbits(32):08x}" if named else str(seq)
        payload = payloads.message(
            kind,
            seq,
            now_ms,
            id=name if named else None,
            fix=payloads.position(measured, now_ms) if measured else None,
            test=test or None,
            silent=silent or None,
        )
        self._alarms.add(PendingAlarm(name, seq, kind, payload, self._clock.monotonic_s()))
        self._work.set()
        return name

    def event(
        self,
        kind: EventKind,
        measured: Measured | None = None,
        *,
        visit: str | None = None,
        pin: str | None = None,
        alarm: str | None = None,
    ) -> int:
        """Report an event of a visit; returns its `seq`."""
        now_ms = self._clock.now_ms()
        where = payloads.position(measured, now_ms) if measured else None
        return self._put("event", kind, visit=visit, pin=pin, alarm=alarm, fix=where)

    def record(self, kind: RecordKind, **fields: str | float | None) -> int:
        """Report a work record; returns its `seq`."""
        return self._put("record", kind, **fields)

    def post(self, letter: Letter) -> None:
        """Publish `letter` as it is, whatever is in it."""
        self._outbox.put(letter)
        self._work.set()

    def say_status(self) -> None:
        """Report that it is there, and how: the broker retains it. Said by itself on each connection."""
        signal_dbm = self._rng.uniform(-105, -65)
        seq = self._next_seq()
        payload = payloads.status(seq, self._clock.now_ms(), self.battery_pct, signal_dbm, FIRMWARE)
        self.post(Letter("status", "online", (seq, seq), payload))

    def _put(self, channel: Channel, kind: str, **fields: object) -> int:
        seq = self._next_seq()
        payload = payloads.message(kind, seq, self._clock.now_ms(), **fields)
        self.post(Letter(channel, kind, (seq, seq), payload))
        return seq

    def _next_seq(self) -> int:
        seq = self._seq
        self._seq += 1
        return seq

    @property
    def unreceived(self) -> int:
        """How many alarms have not been received yet."""
        return len(self._alarms)

    @property
    def unsent(self) -> int:
        """How many messages wait for a PUBACK, apart from alarms."""
        return len(self._outbox)

    # ------------------------------------------------------------------ how it is connected

    def cut(self) -> None:
        """Lose the network without a word: the broker sends the last will. Stays so until `restore`."""
        self._switched_on.clear()
        self._link.cut()

    def restore(self) -> None:
        """Have the network again."""
        self._switched_on.set()

    async def run(self) -> None:
        """Connect, talk, and connect again for ever; ends when cancelled."""
        failures = 0
        while True:
            await self._switched_on.wait()
            try:
                await self._talk()
            except LinkDown:
                failures = 0 if self._lasted else failures + 1
                self._lasted = False
            pause_s = _RECONNECT_S[min(failures, len(_RECONNECT_S) - 1)]
            # Spread out, so that a broker that restarts is not met by everyone at once.
            await self._clock.sleep_s(pause_s * self._rng.uniform(0.5, 1.5))

    async def _talk(self) -> None:
        async with self._link.open() as client:
            self.online, self._lasted = True, True
            self._note("connected")
            try:
                self.say_status()
                self._alarms.say_all_now(self._clock.monotonic_s())
                await first_of(self._listen(client), self._speak(client))
            finally:
                self.online = False
                self._note("disconnected")

    # ------------------------------------------------------------------ speaking

    async def _speak(self, client: aiomqtt.Client) -> None:
        while True:
            self._work.clear()
            alarm = self._alarms.due(self._clock.monotonic_s())
            letter = None if alarm is not None else self._outbox.first()
            if alarm is not None:
                await self._say_alarm(client, alarm)
            elif letter is not None:
                await self._say_letter(client, letter)
            else:
                due_s = self._alarms.next_due_s()
                wait_s = None if due_s is None else max(0.0, due_s - self._clock.monotonic_s())
                await event_or_time(self._work, self._clock, wait_s)

    async def _say_alarm(self, client: aiomqtt.Client, alarm: PendingAlarm) -> None:
        self._alarms.said(alarm, self._clock.monotonic_s())
        seqs, attempt = (alarm.seq, alarm.seq), alarm.attempts
        self._note("published", "alarm", seqs=seqs, kind=alarm.kind, alarm=alarm.name, attempt=attempt)
        await client.publish(topics.up(self.id, "alarm"), alarm.payload, qos=1)
        self._note("confirmed", "alarm", seqs=seqs, kind=alarm.kind, alarm=alarm.name, attempt=attempt)

    async def _say_letter(self, client: aiomqtt.Client, letter: Letter) -> None:
        retain = letter.channel == "status"
        self._note("published", letter.channel, seqs=letter.seqs, kind=letter.kind)
        await client.publish(topics.up(self.id, letter.channel), letter.payload, qos=1, retain=retain)
        self._outbox.confirmed(letter)
        self._note("confirmed", letter.channel, seqs=letter.seqs, kind=letter.kind)

    # ------------------------------------------------------------------ hearing

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            heard = read_heard(message.payload)
            if heard is None:
                self._note("heard", "down", kind="unreadable")
                continue
            if heard.is_over(self._clock.now_ms()):
                self._note("heard", "down", kind="expired")
                continue
            if heard.kind == "alarm_received":
                self._alarms.received(heard.alarm, heard.seq)
            elif heard.kind == "resend" and heard.first_seq is not None:
                last_seq = heard.last_seq if heard.last_seq is not None else self._seq
                self._outbox.resend(heard.first_seq, last_seq)
                self._work.set()
            self._note("heard", "down", kind=heard.kind, alarm=heard.alarm, alert=heard.alert)
            self.on_heard(heard)

    def on_heard(self, heard: Heard) -> None:
        """React to a command, beyond what every device does; kinds of devices add to it."""

    def _note(
        self,
        what: What,
        channel: str | None = None,
        *,
        seqs: tuple[int, int] | None = None,
        kind: str | None = None,
        alarm: str | None = None,
        alert: str | None = None,
        attempt: int | None = None,
    ) -> None:
        alone = seqs is None or seqs[0] == seqs[1]
        self.journal.add(
            Entry(
                at_ms=self._clock.now_ms(),
                device=self.id,
                what=what,
                channel=channel,
                kind=kind,
                seq=seqs[0] if seqs and alone else None,
                seqs=None if alone else seqs,
                alarm=alarm,
                alert=alert,
                attempt=attempt,
            )
        )
