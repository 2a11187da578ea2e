"""Intake: a flood waits, is dropped or ends its connection; an alarm in the middle of it passes."""

from devices.clock import ManualClock
from ingest.broker import packets
from ingest.broker.framing import Framer
from ingest.broker.guard import INGEST, Login
from ingest.broker.hub import Hub
from ingest.broker.intake import ASIDE_MESSAGES, Intake
from ingest.broker.packets import Publish, Will
from ingest.limits import BURST_S, URGENT_BURST_S, Budgets, Limits
from ingest.refused import HEAD_BYTES, Refused, decode
from tests.support.waiting import eventually

LIMITS = Limits(messages_per_s=1, urgent_per_s=1, payload_bytes=10_000)
BURST, URGENT_BURST = int(BURST_S), int(URGENT_BURST_S)
LOCATION, ALARM = "vigil/v1/dev_a/location", "vigil/v1/dev_a/alarm"


class Line:
    """An intake, and an ingest that takes all; `settled` are the publishes that were acknowledged."""

    writable = True

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.hub = Hub()
        self.held: set[str] = set()
        self.settled: list[bytes] = []
        self.passed: list[tuple[str, bytes]] = []
        self.refused: list[Refused] = []
        self._framer = Framer(1 << 24)
        self._ingest, _ = self.hub.open(Login(INGEST), "ingest", clean=False)
        self._ingest.attach(self)
        for everything in ("#", "$vigil/#"):
            self.hub.subscribe(self._ingest, everything, 1)
        self.intake = Intake(
            self.hub,
            Login("dev_a"),
            Budgets(LIMITS),
            self.clock,
            owe=lambda publish: lambda: self.settled.append(publish.payload),
            hold=self.held.add,
            release=self.held.discard,
        )

    def send(self, data: bytes) -> None:
        self._framer.feed(data)
        while (frame := self._framer.next()) is not None:
            publish = packets.read_publish(frame)
            if publish.topic.startswith("$vigil"):
                self.refused.append(decode(publish.payload))
            else:
                self.passed.append((publish.topic, publish.payload))
            self._ingest.acknowledge(publish.packet_id)

    def kick(self, reason: str) -> None:
        raise AssertionError(reason)

    def publish(self, topic: str, count: int = 1, payload: bytes = b"x", cut: int = 0) -> None:
        for _ in range(count):
            self.intake.take(Publish(topic, payload, 1, 1), cut)

    @property
    def counted(self) -> dict[str, int]:
        """Refusals by reason, those that happened."""
        return {reason: count for reason, count in self.hub.stats().refusals.items() if count}

    async def until(self, passed: int, step_s: float = 0.25) -> None:
        """Let time pass until so many publishes have passed."""

        def enough() -> bool:
            self.clock.advance_s(step_s)
            return len(self.passed) >= passed

        await eventually(enough, what=f"{passed} publishes")


async def test_what_is_within_the_budget_passes_at_once() -> None:
    line = Line()
    line.publish(LOCATION, BURST)
    assert len(line.passed) == len(line.settled) == BURST
    assert line.held == set()
    assert line.counted == {}


async def test_what_exceeds_it_waits_unacknowledged_and_passes_in_its_turn() -> None:
    line = Line()
    for number in range(BURST + 5):
        line.publish(LOCATION, payload=b"%d" % number)
    assert len(line.settled) == BURST
    since_s = line.clock.monotonic_s()
    await line.until(BURST + 5)
    assert [payload for _, payload in line.passed] == [b"%d" % number for number in range(BURST + 5)]
    assert line.settled == [payload for _, payload in line.passed]
    assert line.clock.monotonic_s() - since_s >= 4
    assert line.counted == {}


async def test_an_alarm_passes_in_the_middle_of_a_flood() -> None:
    line = Line()
    line.publish(LOCATION, 10_000)
    before = len(line.passed)
    line.publish(ALARM, payload=b"panic")
    assert line.passed[before:] == [(ALARM, b"panic")]
    line.intake.end()


async def test_a_flood_is_counted_told_once_and_not_acknowledged() -> None:
    line = Line()
    line.publish(LOCATION, BURST + ASIDE_MESSAGES + 7)
    assert len(line.settled) == BURST
    assert line.counted == {"flood": 7}
    assert [one.reason for one in line.refused] == ["flood"]
    assert line.intake.flooding_since_s == line.clock.monotonic_s()
    await line.until(BURST + ASIDE_MESSAGES, step_s=20)
    await eventually(lambda: line.intake.flooding_since_s is None, what="it is over")


async def test_a_flood_of_alarms_is_read_slowly_and_loses_none() -> None:
    line = Line()
    line.publish(ALARM, URGENT_BURST - 1)
    assert line.held == set()
    line.publish(ALARM, 5)
    assert line.held == {"pace"}
    assert len(line.passed) == URGENT_BURST + 4

    def released() -> bool:
        line.clock.advance_s(0.25)
        return not line.held

    await eventually(released, what="it is read again")


async def test_in_another_dialect_nothing_is_dropped() -> None:
    line = Line()
    line.publish("owntracks/dev_a/phone", BURST + 3)
    assert len(line.passed) == BURST + 3
    assert line.held == {"pace"}
    line.intake.end()


async def test_what_is_too_large_is_kept_as_its_beginning() -> None:
    line = Line()
    line.publish(LOCATION, payload=b"y" * 5000, cut=1_000_000)
    line.publish(LOCATION, payload=b"z" * 10_001)
    assert line.passed == []
    assert [(one.reason, one.payload) for one in line.refused] == [
        ("too_large", b"y" * HEAD_BYTES),
        ("too_large", b"z" * HEAD_BYTES),
    ]
    assert len(line.settled) == 2
    line.publish(ALARM, payload=b"{" * 5000, cut=1_000_000)
    line.publish("owntracks/dev_a/phone", payload=b"[" * 5000, cut=1_000_000)
    assert line.passed == [(ALARM, b"{" * HEAD_BYTES), ("owntracks/dev_a/phone", b"[" * HEAD_BYTES)]
    line.publish("owntracks/dev_b/phone", payload=b"[" * 5000, cut=1_000_000)
    assert len(line.passed) == 2, "it is another's"
    line.intake.end()


async def test_who_reaches_for_more_is_told_of_as_long_as_it_has_a_budget() -> None:
    line = Line()
    assert line.intake.may_hear("vigil/v1/dev_a/down")
    for _ in range(BURST + 20):
        assert not line.intake.may_hear("#")
    assert line.counted == {"foreign_subscription": BURST + 20}
    assert {(one.topic, one.device) for one in line.refused} == {("#", "dev_a")}
    assert len(line.refused) == BURST


async def test_a_will_is_no_way_around() -> None:
    line = Line()
    assert line.intake.takes_will(Will("vigil/v1/dev_a/status", b"offline"))
    assert not line.intake.takes_will(Will("vigil/v1/dev_b/status", b"offline"))
    assert line.counted == {"foreign_topic": 1}
