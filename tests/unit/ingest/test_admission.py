"""Admission: every message becomes durable events or dead letters, and nothing else escapes."""

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from devices import topics
from devices.clock import ManualClock
from devices.codecs import Codec, Reading, native
from devices.registry.memory import MemoryDeviceRegistry
from devices.registry.port import Device
from devices.reports import Fix, PanicPressed, StatusReported
from ingest.admission import Admission
from ingest.errors import LogUnavailable
from ingest.lanes import ALARMS, DEAD_LETTERS, TELEMETRY
from ingest.log.memory import MemoryEventLog
from ingest.log.port import BEGINNING
from ingest.message import Message
from ingest.metrics import IngestMetrics
from ingest.records import Arrival, DeadLetter
from ingest.refused import Refused

PHONE = Device(id="dev_a", kind="phone", org="org_a", nurse="nur_a")
BUTTON = Device(id="dev_b", kind="button", org="org_a", nurse=None)
LOST = Device(id="dev_lost", kind="phone", org="org_a", nurse="nur_a", revoked=True)
STRANGE = Device(id="dev_s", kind="phone", org="org_a", nurse="nur_a", codec="morse")
BROKEN = Device(id="dev_x", kind="phone", org="org_a", nurse="nur_a", codec="broken")
PANIC = b'{"kind": "panic", "seq": 7, "time": 1750000000000, "id": "a-1"}'
FIX = b'{"lat": 31.2, "lon": 121.5, "accuracy_m": 5, "seq": 1, "time": 1750000000000}'


def broken(channel: str, payload: bytes, received_ms: int) -> Reading:
    raise RecursionError("a bug")


class Desk:
    """An admission with everything around it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.log = MemoryEventLog(self.clock)
        self.registry = MemoryDeviceRegistry()
        for device in (PHONE, BUTTON, LOST, STRANGE, BROKEN):
            self.registry.add(device)
        self.prometheus = CollectorRegistry()
        codecs: dict[str, Codec] = {"native": native.read, "broken": broken}
        metrics = IngestMetrics(self.prometheus)
        self.admission = Admission(self.registry, codecs, self.log, self.clock, metrics)

    async def say(self, topic: str, payload: bytes) -> None:
        """Have one message admitted."""
        await self.admission.admit_all([Message(topic, payload)])

    async def arrivals(self, topic: str) -> list[Arrival]:
        entries = await self.log.read(topic, 0, BEGINNING, 10_000)
        return [msgspec.msgpack.decode(entry.value, type=Arrival) for entry in entries]

    async def letters(self) -> list[DeadLetter]:
        entries = await self.log.read(DEAD_LETTERS, 0, BEGINNING, 10_000)
        return [msgspec.msgpack.decode(entry.value, type=DeadLetter) for entry in entries]

    def counted(self, name: str, **labels: str) -> float:
        return self.prometheus.get_sample_value(f"vigil_ingest_{name}_total", labels) or 0.0


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_fix_travels_on_telemetry_only(desk: Desk) -> None:
    await desk.say(topics.up("dev_a", "location"), FIX)
    [arrival] = await desk.arrivals(TELEMETRY)
    assert isinstance(arrival.report, Fix)
    assert (arrival.device, arrival.nurse, arrival.org) == ("dev_a", "nur_a", "org_a")
    assert arrival.received_ms == desk.clock.now_ms()
    assert await desk.arrivals(ALARMS) == []
    assert desk.counted("events", lane=TELEMETRY) == 1
    assert desk.counted("messages", channel="location") == 1


async def test_a_panic_travels_on_both_lanes(desk: Desk) -> None:
    await desk.say(topics.up("dev_a", "alarm"), PANIC)
    [alarm] = await desk.arrivals(ALARMS)
    assert isinstance(alarm.report, PanicPressed)
    assert await desk.arrivals(TELEMETRY) == [alarm]


async def test_entries_are_keyed_by_nurse_or_else_device(desk: Desk) -> None:
    await desk.say(topics.up("dev_a", "alarm"), PANIC)
    await desk.say(topics.up("dev_b", "alarm"), PANIC)
    assert [entry.key for entry in await desk.log.read(ALARMS, 0, BEGINNING, 9)] == ["nur_a", "dev_b"]


@pytest.mark.parametrize(
    ("topic", "device", "reason"),
    [
        ("vigil/v1/dev_nobody/alarm", "dev_nobody", "unknown_device"),
        ("vigil/v1/dev_lost/alarm", "dev_lost", "revoked_device"),
        ("vigil/v1/dev_a/gossip", None, "unknown_topic"),
        ("weather", None, "unknown_topic"),
        ("", None, "unknown_topic"),
    ],
)
async def test_what_may_not_come_in_is_kept_whole(
    desk: Desk, topic: str, device: str | None, reason: str
) -> None:
    await desk.say(topic, PANIC)
    [letter] = await desk.letters()
    assert (letter.topic, letter.device, letter.reason, letter.payload) == (topic, device, reason, PANIC)
    assert letter.at_ms == desk.clock.now_ms()
    assert letter.field is None
    assert await desk.arrivals(TELEMETRY) == []
    assert desk.counted("dead_letters", reason=reason) == 1


async def test_a_foreign_topic_is_kept_whole(desk: Desk) -> None:
    foreign = Refused(
        reason="foreign_topic",
        device="dev_a",
        topic="vigil/v1/dev_b/alarm",
        explanation="not its own",
        payload=PANIC,
    )
    await desk.admission.refuse(foreign)
    [letter] = await desk.letters()
    assert (letter.reason, letter.device, letter.topic) == ("foreign_topic", "dev_a", "vigil/v1/dev_b/alarm")


async def test_the_good_fixes_of_a_list_pass_and_the_bad_are_named(desk: Desk) -> None:
    fixes = [{"lat": 31.0 + n / 100, "lon": 121.5, "seq": n, "time": 1750000000000 + n} for n in range(10)]
    for bad in (3, 5, 8):
        fixes[bad]["lat"] = 99.0
    payload = msgspec.json.encode(fixes)
    await desk.say(topics.up("dev_a", "location"), payload)
    assert [arrival.report.seq for arrival in await desk.arrivals(TELEMETRY)] == [0, 1, 2, 4, 6, 7, 9]
    dead = await desk.letters()
    assert [letter.field for letter in dead] == ["[3].lat", "[5].lat", "[8].lat"]
    assert {letter.payload for letter in dead} == {payload}
    assert len({letter.id for letter in dead}) == 3


async def test_a_big_payload_is_not_copied_for_each_of_its_faults(desk: Desk) -> None:
    payload = msgspec.json.encode([{"lat": "north" * 400} for _ in range(1000)])
    await desk.say(topics.up("dev_a", "location"), payload)
    dead = await desk.letters()
    assert len(dead) == 1000
    assert dead[0].payload == payload
    assert sum(len(letter.payload) for letter in dead) < 2 * len(payload)
    assert dead[-1].explanation.endswith(f"its payload is in {dead[0].id}")


async def test_a_list_of_nothing_is_a_dead_letter(desk: Desk) -> None:
    await desk.say(topics.up("dev_a", "location"), b"[]")
    assert len(await desk.letters()) == 1


@pytest.mark.parametrize("device", [STRANGE, BROKEN])
async def test_a_codec_that_fails_or_is_missing_loses_nothing(desk: Desk, device: Device) -> None:
    await desk.admission.admit_from(device, "location", FIX)
    [letter] = await desk.letters()
    assert (letter.reason, letter.payload, letter.device) == ("unreadable", FIX, device.id)
    assert f"codec {device.codec}" in letter.explanation


async def test_a_gateway_names_its_own_source(desk: Desk) -> None:
    await desk.admission.admit_from(PHONE, "location", b"{", "POST /gateway/native/location")
    await desk.admission.admit_from(PHONE, "location", b"{")
    assert [letter.topic for letter in await desk.letters()] == [
        "POST /gateway/native/location",
        "vigil/v1/dev_a/location",
    ]


async def test_a_gateway_is_told_what_became_of_it(desk: Desk) -> None:
    half_bad = b'[{"lat": 31.2, "lon": 121.5, "seq": 4}, {"lat": "north"}]'
    admitted = await desk.admission.admit_from(PHONE, "location", half_bad)
    assert [report.seq for report in admitted.reports] == [4]
    assert [(refusal.reason, refusal.field) for refusal in admitted.refusals] == [("unreadable", "[1].lat")]


async def test_a_fix_delivered_twice_is_logged_once(desk: Desk) -> None:
    for _ in range(3):
        await desk.say(topics.up("dev_a", "location"), FIX)
        desk.clock.advance_s(1)
    assert len(await desk.arrivals(TELEMETRY)) == 1
    assert desk.counted("duplicates") == 2


async def test_two_fixes_that_only_share_their_time_are_both_logged(desk: Desk) -> None:
    for lat in (31.1, 31.2):
        payload = msgspec.json.encode({"lat": lat, "lon": 121.5, "time": 1750000000000})
        await desk.say(topics.up("dev_a", "location"), payload)
    assert len(await desk.arrivals(TELEMETRY)) == 2


async def test_a_repeated_panic_is_logged_again(desk: Desk) -> None:
    for _ in range(3):
        await desk.say(topics.up("dev_a", "alarm"), PANIC)
    for lane in (ALARMS, TELEMETRY):
        assert len({arrival.event_id for arrival in await desk.arrivals(lane)}) == 1
        assert len(await desk.arrivals(lane)) == 3


async def test_a_last_will_counts_every_time(desk: Desk) -> None:
    will, hello = (
        b'{"state": "offline", "time": 1750000000000}',
        b'{"state": "online", "time": 1750000000001}',
    )
    for payload in (hello, will, will, hello, will):
        await desk.say(topics.up("dev_a", "status"), payload)
    states = [
        arrival.report.online
        for arrival in await desk.arrivals(TELEMETRY)
        if isinstance(arrival.report, StatusReported)
    ]
    assert states == [True, False, True, False]


@pytest.mark.parametrize("topic", ["vigil/v1/dev_a/location", "vigil/v1/dev_a/alarm", "weather"])
async def test_what_is_not_durable_is_not_admitted(desk: Desk, topic: str) -> None:
    desk.log.unavailable = True
    with pytest.raises(LogUnavailable):
        await desk.say(topic, FIX)
    desk.log.unavailable = False
    await desk.say(topic, FIX)
    assert len(await desk.arrivals(TELEMETRY)) + len(await desk.letters()) >= 1


_JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.sampled_from(["lat", "lon", "kind", "fix", "time", "seq", "visit"]), children)
    ),
    max_leaves=10,
).map(lambda value: repr(value).replace("'", '"').encode())
_TOPICS = st.text(max_size=40) | st.builds(
    topics.up,
    st.sampled_from(["dev_a", "dev_b", "dev_lost", "dev_s", "dev_x", "dev_nobody", "+", "/"]),
    st.sampled_from(sorted(topics.CHANNELS)),
)


@given(
    topic=_TOPICS, payload=st.binary(max_size=200) | _JSONISH | st.sampled_from([PANIC, FIX, b"[" * 100_000])
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)
def test_any_bytes_on_any_topic_become_events_or_dead_letters(topic: str, payload: bytes) -> None:
    async def admit() -> None:
        desk = Desk()
        await desk.say(topic, payload)
        events, dead = await desk.arrivals(TELEMETRY), await desk.letters()
        assert len(events) + len(dead) >= 1
        assert {letter.payload for letter in dead} <= {payload}
        if not isinstance(parsed_or_none(payload), list):
            # An alarm on another channel than its own is one more.
            assert len([event for event in events if not getattr(event.report, "doubts", ())]) <= 1

    asyncio.run(admit())


def parsed_or_none(payload: bytes) -> object:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


async def test_messages_that_come_together_are_admitted_in_their_order_and_each_by_itself(desk: Desk) -> None:
    foreign = Refused(reason="flood", device="dev_a", topic="vigil/v1/dev_a/location", explanation="too much")
    await desk.admission.admit_all(
        [
            Message(topics.up("dev_a", "location"), FIX),
            Message(topics.up("dev_a", "alarm"), PANIC),
            Message("weather", b"fine"),
            Message(topics.up("dev_a", "location"), b"{"),
            Message(topics.up("dev_b", "location"), FIX),
            foreign,
        ]
    )
    logged = [(arrival.device, arrival.report.name) for arrival in await desk.arrivals(TELEMETRY)]
    assert logged == [("dev_a", "fix"), ("dev_a", "panic_pressed"), ("dev_b", "fix")]
    assert [arrival.report.name for arrival in await desk.arrivals(ALARMS)] == ["panic_pressed"]
    assert [letter.reason for letter in await desk.letters()] == ["unknown_topic", "unreadable", "flood"]
    assert desk.counted("messages", channel="location") == 3


async def test_a_status_between_two_that_are_the_same_makes_the_second_no_repeat(desk: Desk) -> None:
    will, hello = b'{"state": "offline", "time": 1}', b'{"state": "online", "time": 2}'
    await desk.say(topics.up("dev_a", "status"), will)
    said = [Message(topics.up("dev_a", "status"), payload) for payload in (will, hello, will)]
    await desk.admission.admit_all(said)
    states = [arrival.report.online for arrival in await desk.arrivals(TELEMETRY)]  # type: ignore[union-attr]
    assert states == [False, True, False]
