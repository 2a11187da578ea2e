"""The embedded broker from outside: what breaks the protocol, or reads nothing, hurts nobody else."""

import asyncio
import random

import pytest

from ingest.broker import packets
from ingest.broker.guard import INGEST
from tests.support.broker_site import BrokerSite
from tests.support.brokers import run
from tests.support.raw_mqtt import connect, packet, publish, subscribe
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

VIOLATIONS = {
    "another protocol": (b"GET / HTTP/1.1\r\n\r\n", False),
    "MQTT 5": (connect(b"x", b"dev_a", b"s", level=5), False),
    "no client id for a kept session": (connect(b"", b"dev_a", b"s", clean=False), False),
    "a publish before the login": (publish(b"vigil/v1/dev_a/alarm", b"x", 1), False),
    "a topic that is no UTF-8": (publish(b"vigil/v1/dev_a/\xff\xfe", b"x", 1), True),
    "a topic with a null": (publish(b"vigil/v1/dev_a/\0", b"x", 1), True),
    "a topic with a wildcard": (publish(b"vigil/v1/+/alarm", b"x", 1), True),
    "no topic": (publish(b"", b"x", 1), True),
    "a very long topic": (publish(b"x" * 60_000, b"x", 1), True),
    "QoS 3": (packet(0x36, b"\0\1x\0\1"), True),
    "packet id 0": (publish(b"vigil/v1/dev_a/alarm", b"x", 0), True),
    "a second login": (connect(b"x", b"dev_a", b"s"), True),
    "an endless length": (b"\x30\xff\xff\xff\xff\xff", True),
    "a length beyond the end of a field": (packet(0x30, b"\xff\xffabc"), True),
    "a reserved packet type": (packet(0xF0), True),
    "a subscription of QoS 3": (subscribe(b"vigil/v1/dev_a/down", 1, qos=3), True),
}


@pytest.mark.parametrize(("said", "logged_in"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
async def test_a_violation_ends_its_own_connection_only(
    site: BrokerSite, said: bytes, logged_in: bool
) -> None:
    def violate() -> None:
        with site.device("dev_a", "watcher") as watcher:
            with site.device("dev_a") if logged_in else site.client() as client:
                client.send(said)
                assert client.ended()
            watcher.send(packet(0xC0))
            watcher.expect(packets.PINGRESP)

    await asyncio.to_thread(violate)
    assert site.admission.begun == []


def malformed(chance: random.Random, secret: bytes) -> bytes:
    """Noise, a spoilt login, or a sound login and then a conversation that was spoilt."""
    login = connect(b"fuzz", b"dev_b", secret, will=(b"vigil/v1/dev_b/status", b"w"))
    talk = (
        publish(b"vigil/v1/dev_b/location", chance.randbytes(40), 1)
        + subscribe(b"vigil/v1/dev_b/down", 2)
        + publish(b"vigil/v1/dev_a/alarm", b"{}", 3, qos=2)
        + packet(0x62, b"\0\3")
        + packet(0xC0)
    )
    match chance.randrange(10):
        case 0:
            return chance.randbytes(chance.randrange(1, 200))
        case 1:
            return spoil(chance, connect(b"fuzz", b"dev_x", b"guess", will=(b"vigil/v1/dev_x/status", b"w")))
        case _:
            return login + spoil(chance, talk)


def spoil(chance: random.Random, sound: bytes) -> bytes:
    """Change, cut out and insert some bytes."""
    spoilt = bytearray(sound)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(spoilt))
        match chance.randrange(3):
            case 0:
                spoilt[at] = chance.randrange(256)
            case 1:
                del spoilt[at : at + chance.randrange(1, 10)]
            case _:
                spoilt[at:at] = chance.randbytes(chance.randrange(1, 10))
        if not spoilt:
            break
    return bytes(spoilt)


async def test_stays_up_under_two_thousand_malformed_conversations(site: BrokerSite) -> None:
    chance = random.Random(20_26)
    secret = site.embedded.secrets["dev_b"].encode()
    pid = site.embedded.broker.pid

    def storm() -> None:
        for _ in range(2000):
            with site.client() as client:
                client.send(malformed(chance, secret))

    storming = asyncio.create_task(asyncio.to_thread(storm))
    await eventually(lambda: len(site.admission.begun) > 50, what="the storm is on")
    pressing = site.pub("dev_a", site.embedded.secrets["dev_a"], "vigil/v1/dev_a/alarm", "panic")
    code, _ = await run(pressing, timeout_s=60)
    assert code == 0
    assert ("vigil/v1/dev_a/alarm", b"panic") in site.admission.admitted
    await storming
    assert site.embedded.broker.pid == pid
    foreign = [refused for refused, reason in site.admission.told if reason == "foreign_topic"]
    assert foreign
    assert all(device == "dev_b" for device, _, _ in foreign)


async def test_a_device_that_never_reads_does_no_harm(site: BrokerSite) -> None:
    def deaf() -> None:
        down = b"vigil/v1/dev_a/down"
        with site.device("dev_a", clean=False) as client, site.client() as ingest:
            client.send(subscribe(down, 1))
            client.expect(packets.SUBACK)
            ingest.send(connect(b"d", INGEST.encode(), (site.embedded.address.password or "").encode()))
            ingest.expect(packets.CONNACK)
            for number in range(1, 1001):
                ingest.send(publish(down, b"x" * 20_000, number))
                ingest.expect(packets.PUBACK)

    await asyncio.to_thread(deaf)


async def test_who_reads_no_answers_is_not_read_either(site: BrokerSite) -> None:
    """Two bytes ask for two: unread, they would fill the broker's memory."""

    def ask() -> None:
        with site.device("dev_a") as client:
            client.limit_s(1)
            with pytest.raises(TimeoutError):
                client.send(packet(0xC0) * 50_000_000)
        with site.device("dev_a") as client:
            client.send(packet(0xC0))
            client.expect(packets.PINGRESP)

    await asyncio.to_thread(ask)
