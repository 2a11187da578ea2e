"""Admission of dialects: the topic says which one, the registry whose it is, and no alarm is lost."""

import json
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from devices.clock import ManualClock
from devices.codecs.dialects import DIALECTS
from devices.registry.memory import MemoryDeviceRegistry
from devices.registry.port import Device
from devices.reports import Fix, PanicPressed, StatusReported
from ingest.admission import Admission
from ingest.lanes import ALARMS, DEAD_LETTERS, TELEMETRY
from ingest.log.memory import MemoryEventLog
from ingest.log.port import BEGINNING
from ingest.message import Message
from ingest.metrics import IngestMetrics
from ingest.records import Arrival, DeadLetter
from tests.support.samples import RECEIVED_MS, sample

PHONE = Device(id="dev_a", kind="phone", org="org_a", nurse="nur_a", codec="owntracks")
BUTTON = Device(
    id="dev_b", kind="button", org="org_a", nurse="nur_a", codec="chirpstack", external_id="1000000000000001"
)
TRACKER = Device(
    id="dev_t", kind="button", org="org_below", nurse="nur_t", codec="traccar", external_id="861510000000007"
)
RECORDER = Device(
    id="dev_r", kind="recorder", org="org_a", nurse="nur_a", codec="jt808", external_id="13912345678"
)
CHIRPSTACK = Device(id="gtw_c", kind="gateway", org="org_a", nurse=None, codec="chirpstack")
TRACCAR = Device(id="gtw_t", kind="gateway", org="org_a", nurse=None, codec="traccar")
PLATFORM = Device(id="gtw_p", kind="gateway", org="org_a", nurse=None, codec="jt808")
OTHERS = Device(id="gtw_o", kind="gateway", org="org_other", nurse=None, codec="chirpstack")
ALL = (PHONE, BUTTON, TRACKER, RECORDER, CHIRPSTACK, TRACCAR, PLATFORM, OTHERS)
UPLINK = "application/7/device/1000000000000001/event/up"


class Desk:
    """An admission with everything around it."""

    def __init__(self) -> None:
        clock = ManualClock(RECEIVED_MS)
        self.log = MemoryEventLog(clock)
        self.registry = MemoryDeviceRegistry()
        for device in ALL:
            self.registry.add(device)
        self.registry.parents["org_below"] = "org_a"
        metrics = IngestMetrics(CollectorRegistry())
        self.admission = Admission(self.registry, DIALECTS, self.log, clock, metrics)

    async def admit(self, topic: str, dialect: str, name: str, by: str | None = None) -> None:
        await self.say(topic, sample(dialect, name).payload, by)

    async def say(self, topic: str, payload: bytes, by: str | None = None) -> None:
        await self.admission.admit_all([Message(topic, payload, by)])

    async def arrivals(self, lane: str = TELEMETRY) -> list[Arrival]:
        entries = await self.log.read(lane, 0, BEGINNING, 1_000)
        return [msgspec.msgpack.decode(entry.value, type=Arrival) for entry in entries]

    async def letters(self) -> list[DeadLetter]:
        entries = await self.log.read(DEAD_LETTERS, 0, BEGINNING, 1_000)
        return [msgspec.msgpack.decode(entry.value, type=DeadLetter) for entry in entries]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_the_topic_says_the_dialect(desk: Desk) -> None:
    await desk.admit("owntracks/dev_a/phone", "owntracks", "location")
    await desk.say("vigil/v1/dev_a/location", b'{"lat": 31.0, "lon": 121.0}')
    for arrival in await desk.arrivals():
        assert isinstance(arrival.report, Fix)
        assert (arrival.device, arrival.nurse) == ("dev_a", "nur_a")
    assert len(await desk.arrivals()) == 2
    assert await desk.letters() == []


async def test_what_is_of_no_use_leaves_no_trace(desk: Desk) -> None:
    for name in ("status", "waypoints", "cleared"):
        await desk.admit("owntracks/dev_a/phone/status", "owntracks", name)
    assert await desk.arrivals() == []
    assert await desk.letters() == []


async def test_an_alarm_in_another_dialect_travels_on_the_alarm_lane(desk: Desk) -> None:
    await desk.admit("owntracks/dev_a/phone", "owntracks", "sos-poi")
    await desk.admit(UPLINK, "chirpstack", "ws101-short", "gtw_c")
    await desk.admit("traccar/gtw_t/positions", "traccar", "position-invalid-sos")
    await desk.admit("platform/gtw_p/jt808", "jt808", "emergency-old")
    alarms = await desk.arrivals(ALARMS)
    assert [arrival.device for arrival in alarms] == ["dev_a", "dev_b", "dev_t", "dev_r"]
    assert all(isinstance(arrival.report, PanicPressed) for arrival in alarms)
    assert await desk.letters() == []


async def test_a_device_may_bring_its_own_uplink(desk: Desk) -> None:
    await desk.admit(UPLINK, "chirpstack", "ws101-short", "dev_b")
    assert [arrival.device for arrival in await desk.arrivals(ALARMS)] == ["dev_b"]
    await desk.admit(UPLINK, "chirpstack", "ws101-short", "dev_a")
    [letter] = await desk.letters()
    assert (letter.reason, letter.device, letter.topic) == ("foreign_device", "dev_a", UPLINK)


async def test_an_outside_broker_vouches_for_its_logins(desk: Desk) -> None:
    await desk.admit(UPLINK, "chirpstack", "ws101-short")
    assert [arrival.device for arrival in await desk.arrivals(ALARMS)] == ["dev_b"]


async def test_the_topic_names_the_device_and_the_payload_need_not(desk: Desk) -> None:
    await desk.admit(UPLINK.upper().replace("APPLICATION/7/DEVICE", "application/7/device").replace(
        "EVENT/UP", "event/up"), "chirpstack", "ws101-least", "gtw_c")  # fmt: skip
    assert [arrival.device for arrival in await desk.arrivals(ALARMS)] == ["dev_b"]


@pytest.mark.parametrize(
    ("topic", "dialect", "name", "by", "device", "org"),
    [
        ("application/7/device/ffff/event/up", "chirpstack", "ws101-short", "gtw_c", "ffff", "org_a"),
        (UPLINK, "chirpstack", "ws101-short", "gtw_o", "1000000000000001", "org_other"),
        ("platform/gtw_t/jt808", "jt808", "emergency", None, "013912345678", "org_a"),
    ],
)
async def test_an_alarm_of_nobody_known_is_raised_for_its_gateways_organisation(
    desk: Desk, topic: str, dialect: str, name: str, by: str | None, device: str, org: str
) -> None:
    await desk.admit(topic, dialect, name, by)
    [alarm] = await desk.arrivals(ALARMS)
    assert (alarm.device, alarm.nurse, alarm.org) == (device, None, org)
    assert isinstance(alarm.report, PanicPressed)
    assert "device" in alarm.report.doubts
    [letter] = await desk.letters()
    assert letter.reason in {"unknown_device", "foreign_device"}
    # What is no alarm is only kept.
    assert not any(isinstance(arrival.report, StatusReported) for arrival in await desk.arrivals())


@pytest.mark.parametrize("revoked", ["dev_b", "gtw_c"])
async def test_what_was_revoked_says_nothing_more(desk: Desk, revoked: str) -> None:
    known = desk.registry.find(revoked)
    assert known is not None
    desk.registry.add(msgspec.structs.replace(known, revoked=True))
    await desk.admit(UPLINK, "chirpstack", "ws101-short", "gtw_c")
    assert await desk.arrivals(ALARMS) == []
    assert [letter.reason for letter in await desk.letters()] == ["revoked_device"]


async def test_each_of_a_batch_is_taken_for_who_said_it(desk: Desk) -> None:
    said: list[Any] = [json.loads(sample("jt808", "location").payload) for _ in range(3)]
    said[1]["phone"] = "013900000000"
    said[2]["alarm"] = 1
    await desk.say("platform/gtw_p/jt808", json.dumps(said).encode())
    assert [type(arrival.report) for arrival in await desk.arrivals()] == [Fix, PanicPressed]
    assert [letter.reason for letter in await desk.letters()] == ["unknown_device"]


async def test_what_devices_are_told_is_not_what_they_say(desk: Desk) -> None:
    await desk.say("owntracks/dev_a/phone/cmd", b'{"_type": "cmd", "action": "reportLocation"}')
    assert await desk.arrivals() == []
    assert await desk.letters() == []
