"""Simulated devices against a real Mosquitto: what a device must do whatever the network does."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiomqtt
import pytest

from devices import topics
from devices.clock import SystemClock
from devices.codecs.native import read
from devices.commands import Command, encode
from devices.reports import AlarmBase, Fix
from simulators.address import Broker
from simulators.device import Device
from simulators.geometry import Point
from simulators.journal import Journal
from simulators.payloads import Measured
from simulators.phone import Phone
from simulators.roster import Credentials
from simulators.waiting import end
from simulators.whereabouts import Whereabouts
from tests.support.brokers import INGEST, Mosquitto, mosquitto
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

ANNA, BEA = Credentials(id="dev_anna", secret="a" * 48), Credentials(id="dev_bea", secret="b" * 48)
HERE = Measured(31.23, 121.46, 9.0)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path, {each.id: each.secret for each in (ANNA, BEA)}) as running:
        yield running


class Desk:
    """Vigil's place in these tests: it hears everything, and answers alarms only when it is told to."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self.heard: list[tuple[str, str, bytes, bool]] = []
        self.answering = False

    async def listen(self) -> None:
        await self._client.subscribe("vigil/v1/+/+", qos=1)
        async for message in self._client.messages:
            address = topics.parse(str(message.topic))
            if address is None:
                continue
            self.heard.append((address.device, address.channel, message.payload, message.retain))
            if address.channel == "alarm" and self.answering:
                await self.receipt(address.device, json.loads(message.payload)["id"])

    async def receipt(self, device: str, alarm: str) -> None:
        await self.tell(
            Command(id="1", device=device, kind="alarm_received", at_ms=0, alarm=alarm, alert="alr_1")
        )

    async def tell(self, command: Command) -> None:
        await self._client.publish(topics.down(command.device), encode(command), qos=1)

    def payloads(self, device: str, channel: str) -> list[Any]:
        return [
            json.loads(payload) for who, what, payload, _ in self.heard if (who, what) == (device, channel)
        ]

    def seqs(self, device: str) -> list[int]:
        """The `seq` of each fix that came, in order."""
        fixes = []
        for payload in (each for who, what, each, _ in self.heard if (who, what) == (device, "location")):
            fixes += [
                report.seq for report in read("location", payload, 0).reports if isinstance(report, Fix)
            ]
        return [seq for seq in fixes if seq is not None]


@asynccontextmanager
async def desk_at(port: int) -> AsyncIterator[Desk]:
    password = "of this test only"
    login: dict[str, Any] = {"username": INGEST, "password": password, "timeout": PATIENCE_S}
    async with aiomqtt.Client("127.0.0.1", port, **login) as client:
        desk = Desk(client)
        async with running(desk.listen()):
            yield desk


@asynccontextmanager
async def running(coroutine: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(coroutine)
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        await end(task)


def device_at(port: int, journal: Journal, credentials: Credentials = ANNA, seed: int = 1) -> Device:
    return Device(credentials, Broker("127.0.0.1", port), SystemClock(), Random(seed), journal)


async def test_an_alarm_is_repeated_until_it_is_received(broker: Mosquitto) -> None:
    device = device_at(broker.port, Journal())
    async with desk_at(broker.port) as desk, running(device.run()):
        name = device.alarm("panic", HERE)
        await eventually(lambda: len(desk.payloads(ANNA.id, "alarm")) >= 2, what="the alarm came twice")
        said = desk.payloads(ANNA.id, "alarm")
        assert all(each == said[0] for each in said), "a repeat is the very same message"
        assert said[0]["id"] == name
        [report] = read("alarm", json.dumps(said[0]).encode(), 0).reports
        assert isinstance(report, AlarmBase)
        assert (report.alarm, report.doubts) == (name, ())
        await desk.receipt(ANNA.id, "another alarm")
        assert device.unreceived == 1
        await desk.receipt(ANNA.id, name)
        await eventually(lambda: device.unreceived == 0, what="the receipt was heard")
        heard = [entry for entry in device.journal if entry.kind == "alarm_received"]
        assert [(entry.alarm, entry.alert) for entry in heard][-1] == (name, "alr_1")


async def test_an_alarm_outlives_the_broker(broker: Mosquitto) -> None:
    """A PUBACK is no receipt: after the broker lost everything, the device says it again."""
    device = device_at(broker.port, Journal())
    async with running(device.run()):
        async with desk_at(broker.port) as desk:
            name = device.alarm("panic", HERE)
            await eventually(lambda: desk.payloads(ANNA.id, "alarm"), what="the alarm came")
        broker.kill()
        await eventually(lambda: not device.online, what="the device noticed")
        broker.start()
        async with desk_at(broker.port) as desk:
            desk.answering = True
            await eventually(lambda: device.unreceived == 0, what="the alarm came again and was received")
            assert {each["id"] for each in desk.payloads(ANNA.id, "alarm")} == {name}


async def test_what_was_measured_offline_comes_as_a_list_in_order(broker: Mosquitto) -> None:
    device = device_at(broker.port, Journal())
    async with desk_at(broker.port) as desk, running(device.run()):
        first = device.fix(HERE)
        await eventually(lambda: desk.seqs(ANNA.id) == [first], what="the first fix came")
        device.cut()
        await eventually(lambda: not device.online, what="the device is offline")
        kept = [device.fix(HERE) for _ in range(2_300)]
        device.event("check_in", HERE)
        device.restore()
        await eventually(lambda: device.unsent == 0, what="all was sent")
        await eventually(lambda: len(desk.seqs(ANNA.id)) == 2_301, what="all came")
        assert desk.seqs(ANNA.id) == [first, *kept]
        assert [len(each) for each in desk.payloads(ANNA.id, "location") if isinstance(each, list)] == [
            1_000,
            1_000,
            300,
        ]
        assert [each["kind"] for each in desk.payloads(ANNA.id, "event")] == ["check_in"]


async def test_a_cut_makes_the_broker_say_that_the_device_is_gone(broker: Mosquitto) -> None:
    device = device_at(broker.port, Journal())
    async with desk_at(broker.port) as desk, running(device.run()):
        await eventually(lambda: desk.payloads(ANNA.id, "status"), what="the device said that it is there")
        assert desk.payloads(ANNA.id, "status")[-1]["state"] == "online"
        device.cut()
        await eventually(
            lambda: desk.payloads(ANNA.id, "status")[-1] == {"state": "offline"}, what="the last will came"
        )
        async with desk_at(broker.port) as late:
            await eventually(lambda: late.heard, what="the last will is retained")
            assert late.heard[0] == (ANNA.id, "status", b'{"state":"offline"}', True)
        device.restore()
        await eventually(
            lambda: desk.payloads(ANNA.id, "status")[-1]["state"] == "online", what="the device came back"
        )


async def test_a_device_that_leaves_in_order_leaves_no_will(broker: Mosquitto) -> None:
    device = device_at(broker.port, Journal())
    async with desk_at(broker.port) as desk:
        async with running(device.run()):
            await eventually(lambda: desk.payloads(ANNA.id, "status"), what="the device is there")
        other = device_at(broker.port, Journal(), BEA)
        async with running(other.run()):
            await eventually(lambda: desk.payloads(BEA.id, "status"), what="something later came")
        assert [each["state"] for each in desk.payloads(ANNA.id, "status")] == ["online"]


async def test_a_phone_answers_what_it_is_told(broker: Mosquitto) -> None:
    clock, rng = SystemClock(), Random(3)
    where = Whereabouts(Point(31.23, 121.46), clock, rng)
    journal = Journal()
    phone = Phone(ANNA, Broker("127.0.0.1", broker.port), clock, rng, journal, where, fix_every_s=0)
    async with desk_at(broker.port) as desk, running(phone.run()):
        await eventually(lambda: phone.online, what="the phone is there")
        await eventually(lambda: desk.payloads(ANNA.id, "status"), what="it has subscribed and said so")
        await desk.tell(Command(id="1", device=ANNA.id, kind="locate", at_ms=0))
        await eventually(lambda: len(desk.seqs(ANNA.id)) == 1, what="it told where it is")
        located = desk.seqs(ANNA.id)[0]
        details: dict[str, str | int | float | bool | None] = {"first_seq": 0, "last_seq": located}
        await desk.tell(Command(id="2", device=ANNA.id, kind="resend", at_ms=0, details=details))
        await eventually(lambda: desk.seqs(ANNA.id) == [located, located], what="it sent that again")
        await desk.tell(
            Command(id="3", device=ANNA.id, kind="configure", at_ms=0, details={"fix_every_s": 0.05})
        )
        await eventually(lambda: len(desk.seqs(ANNA.id)) >= 5, what="it reports regularly now")
        kinds = [entry.kind for entry in journal if entry.what == "heard"]
        assert kinds[:3] == ["locate", "resend", "configure"]


async def test_a_refused_device_tries_again_until_it_may(broker: Mosquitto) -> None:
    stranger = device_at(broker.port, Journal(), Credentials(id=ANNA.id, secret="wrong"))
    async with running(stranger.run()):
        async with desk_at(broker.port) as desk, running(device_at(broker.port, Journal(), BEA).run()):
            await eventually(
                lambda: desk.payloads(BEA.id, "status"), what="the one with the right secret is in"
            )
        assert not stranger.online
        assert len(stranger.journal) == 0


async def test_the_same_seed_says_the_same(broker: Mosquitto) -> None:
    """Times and alarm ids apart, which belong to the run."""

    async def said(seed: int) -> list[Any]:
        clock, rng = SystemClock(), Random(seed)
        where = Whereabouts(Point(31.23, 121.46), clock, rng)
        phone = Phone(BEA, Broker("127.0.0.1", broker.port), clock, rng, Journal(), where, fix_every_s=0)
        async with desk_at(broker.port) as desk, running(phone.run()):
            await eventually(lambda: live_statuses(desk), what="the phone is there")
            status = live_statuses(desk)[0]
            return [status["battery"], status["signal"], status["state"]]

    def live_statuses(desk: Desk) -> list[Any]:
        """Not the retained one: it is from the run before."""
        return [json.loads(payload) for _, what, payload, old in desk.heard if what == "status" and not old]

    assert await said(5) == await said(5)
    assert await said(5) != await said(6)
