"""A simulated device: it connects for ever, says what it has to say, and hears what it is told."""

import asyncio
from random import Random

from devices.clock import Clock
from simulators.address import Broker
from simulators.alarms import AlarmBook, PendingAlarm
from simulators.dialects.words import Moment, Phrase
from simulators.errors import LinkDown
from simulators.heard import Heard
from simulators.journal import Entry, Journal, What
from simulators.line import Line
from simulators.outbox import MAX_LIST, Letter, Outbox
from simulators.payloads import AlarmKind, EventKind, Measured, RecordKind, Value
from simulators.quirks import PERFECT, Luck, Quirks
from simulators.roster import Credentials
from simulators.speech import Speech, native_speech
from simulators.waiting import end_if_cancelled, event_or_time, first_of

_RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_WEAR_EVERY_S = 1.0
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
        quirks: Quirks = PERFECT,
        speech: Speech | None = None,
    ) -> None:
        """Without a `speech` it is a native one at `broker`, sending up to `max_list` kept fixes at once."""
        self.id = credentials.id
        self.journal = journal
        drawn_pct = rng.uniform(55.0, 100.0)
        self.battery_pct = drawn_pct if quirks.battery_pct is None else quirks.battery_pct
        self._clock = clock
        self._rng = rng
        self._quirks, self._luck = quirks, Luck(quirks, rng)
        self._pauses = Random(rng.getrandbits(64))  # how often it has to connect changes nothing else
        self._speech = speech or native_speech(broker, credentials, max_list)
        self._words, self._link = self._speech.words, self._speech.link
        self._outbox = Outbox(self._words.most_fixes, self._words.fix_channel)
        self._alarms = AlarmBook()
        self._seq = first_seq
        self._held: tuple[int, bytes] | None = None
        self._work = asyncio.Event()
        self._switched_on = asyncio.Event()
        self._switched_on.set()
        self.online = self._lasted = False
        self.trouble = "nobody answers"  # why it could not connect the last time, or was cut off

    # ------------------------------------------------------------------ what it says

    def fix(self, measured: Measured) -> int:
        """Report a position; returns its `seq`."""
        moment = self._moment()
        said = (moment.seq, self._words.fix(moment, measured))
        if self._held is None and self._luck.late():
            self._held = said
            return moment.seq
        self._outbox.put_fix(*said)
        if self._held is not None:
            self._outbox.put_fix(*self._held)
            self._held = None
        self._work.set()
        return moment.seq

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
        moment = self._moment()
        # A second run with the same seed must not repeat the ids of the first: they would be duplicates.
        made = f"{kind}-{moment.at_ms:x}-{self._rng.getrandbits(32):08x}"
        name = made if named else str(moment.seq)
        phrases = self._words.alarm(moment, kind, measured, made if named else None, test=test, silent=silent)
        if self._speech.is_answered:
            payload = phrases[0].payload
            self._alarms.add(PendingAlarm(name, moment.seq, kind, payload, self._clock.monotonic_s()))
            self._work.set()
        else:
            self._put(kind, moment, phrases)
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
        moment = self._moment()
        said: dict[str, Value] = {"visit": visit, "pin": pin, "alarm": alarm}
        return self._put(kind, moment, self._words.event(moment, kind, measured, said))

    def record(self, kind: RecordKind, **fields: Value) -> int:
        """Report a work record; returns its `seq`."""
        moment = self._moment()
        return self._put(kind, moment, self._words.record(moment, kind, fields))

    def post(self, letter: Letter) -> None:
        """Publish `letter` as it is, whatever is in it."""
        self._outbox.put(letter)
        self._work.set()

    def say_status(self) -> None:
        """Report that it is there, and how: the broker retains it. Said by itself on each connection."""
        moment = self._moment()
        self._put("online", moment, self._words.status(moment, FIRMWARE))

    def _put(self, kind: str, moment: Moment, phrases: list[Phrase]) -> int:
        for phrase in phrases:
            self.post(Letter(phrase.channel, kind, (moment.seq, moment.seq), phrase.payload))
        return moment.seq

    def _moment(self) -> Moment:
        seq = self._seq
        self._seq += 1
        at_ms = self._clock.now_ms() + round(self._quirks.clock_off_s * 1000)
        return Moment(seq, at_ms, self.battery_pct, self._rng.uniform(-105, -65))

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
        if self._quirks.drain_pct_per_min > 0:
            await first_of(self._live(), self._wear_out())
        else:
            await self._live()

    async def _live(self) -> None:
        failures = 0
        while True:
            await self._switched_on.wait()
            try:
                await self._talk()
            except LinkDown as error:
                self.trouble = str(error)
                end_if_cancelled()  # the client that is hung up on may tell of that instead
                failures = 0 if self._lasted else failures + 1
                self._lasted = False
            pause_s = _RECONNECT_S[min(failures, len(_RECONNECT_S) - 1)]
            # Spread out, so that a broker that restarts is not met by everyone at once.
            await self._clock.sleep_s(pause_s * self._pauses.uniform(0.5, 1.5))

    async def _wear_out(self) -> None:
        while self.battery_pct > 0:
            await self._clock.sleep_s(_WEAR_EVERY_S)
            lost_pct = self._quirks.drain_pct_per_min * _WEAR_EVERY_S / 60
            self.battery_pct = max(0.0, self.battery_pct - lost_pct)
        self._note("died")
        self.cut()
        await asyncio.Event().wait()  # whoever dies says nothing more, and ends nothing either

    async def _talk(self) -> None:
        async with self._link.open() as line:
            self.online, self._lasted = True, True
            self._note("connected")
            try:
                self.say_status()
                self._alarms.say_all_now(self._clock.monotonic_s())
                await first_of(self._listen(line), self._speak(line))
            finally:
                self.online = False
                self._note("disconnected")

    # ------------------------------------------------------------------ speaking

    async def _speak(self, line: Line) -> None:
        while True:
            self._work.clear()
            alarm = self._alarms.due(self._clock.monotonic_s())
            letter = None if alarm is not None else self._outbox.first()
            if alarm is not None:
                await self._say_alarm(line, alarm)
            elif letter is not None:
                await self._say_letter(line, letter)
            else:
                due_s = self._alarms.next_due_s()
                wait_s = None if due_s is None else max(0.0, due_s - self._clock.monotonic_s())
                await event_or_time(self._work, self._clock, wait_s)

    async def _say_alarm(self, line: Line, alarm: PendingAlarm) -> None:
        self._alarms.said(alarm, self._clock.monotonic_s())
        letter = Letter("alarm", alarm.kind, (alarm.seq, alarm.seq), alarm.payload)
        attempt = alarm.attempts
        await self._say(line, letter, alarm=alarm.name, attempt=attempt)
        if attempt == 1 and self._luck.twice():
            await self._say(line, letter, alarm=alarm.name, attempt=attempt)

    async def _say_letter(self, line: Line, letter: Letter) -> None:
        await self._say(line, letter)
        self._outbox.confirmed(letter)
        if self._luck.twice():
            await self._say(line, letter)

    async def _say(
        self, line: Line, letter: Letter, *, alarm: str | None = None, attempt: int | None = None
    ) -> None:
        self._note(
            "published", letter.channel, seqs=letter.seqs, kind=letter.kind, alarm=alarm, attempt=attempt
        )
        told = await line.say(letter)
        self._note(
            "confirmed", letter.channel, seqs=letter.seqs, kind=letter.kind, alarm=alarm, attempt=attempt
        )
        for payload in told:
            self._hear(payload)

    # ------------------------------------------------------------------ hearing

    async def _listen(self, line: Line) -> None:
        async for payload in line.listen():
            self._hear(payload)

    def _hear(self, payload: bytes) -> None:
        heard = self._words.hear(payload)
        if heard is None:
            self._note("heard", "down", kind="unreadable")
            return
        if heard.is_over(self._clock.now_ms()):
            self._note("heard", "down", kind="expired")
            return
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
