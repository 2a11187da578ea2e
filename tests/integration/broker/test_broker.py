"""The embedded broker from outside: what it takes is kept, in order, and answered."""

import asyncio
from pathlib import Path

import pytest

from ingest.broker import packets
from ingest.broker.guard import INGEST
from ingest.refused import HEAD_BYTES
from tests.support.broker_site import BrokerSite, both_lanes
from tests.support.brokers import embedded_broker, run
from tests.support.ingesting import ingesting
from tests.support.raw_mqtt import connect, packet, publish, subscribe
from tests.support.recording import RecordingAdmission
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


async def test_what_is_acknowledged_was_admitted(site: BrokerSite) -> None:
    secret = site.embedded.secrets["dev_a"]
    code, _ = await run(site.pub("dev_a", secret, "vigil/v1/dev_a/alarm", "panic"))
    assert code == 0
    assert site.admission.admitted == [("vigil/v1/dev_a/alarm", b"panic")]


async def test_what_comes_before_ingest_waits_for_it(tmp_path: Path) -> None:
    admission = RecordingAdmission()
    async with embedded_broker(tmp_path, "dev_a") as embedded:
        site = BrokerSite(embedded, admission)
        secret = embedded.secrets["dev_a"]
        early = asyncio.create_task(run(site.pub("dev_a", secret, "vigil/v1/dev_a/alarm", "early")))
        done, _ = await asyncio.wait({early}, timeout=0.5)
        assert not done
        async with ingesting(*both_lanes(embedded, admission)):
            assert (await early)[0] == 0
    assert admission.payloads == [b"early"]


async def test_a_burst_is_whole_although_its_sender_leaves_at_once(site: BrokerSite) -> None:
    def burst() -> None:
        with site.device("dev_a") as client:
            sent = [publish(b"vigil/v1/dev_a/location", b"%d" % n, n + 1) for n in range(500)]
            client.send(b"".join(sent) + packet(0xE0))
            assert client.ended()

    await asyncio.to_thread(burst)
    await eventually(lambda: len(site.admission.admitted) == 500, what="all of it")
    assert site.admission.payloads == [b"%d" % n for n in range(500)]


async def test_acknowledgements_leave_in_the_order_of_their_publishes(site: BrokerSite) -> None:
    """The alarm is durable first, and still acknowledged second [MQTT-4.6.0-2]."""
    location, alarm = b"vigil/v1/dev_a/location", b"vigil/v1/dev_a/alarm"

    def publish_both() -> list[bytes]:
        with site.device("dev_a") as client:
            client.send(publish(location, b"x" * 500_000, 7) + publish(alarm, b"panic", 8))
            return [client.expect(packets.PUBACK).body for _ in range(2)]

    assert await asyncio.to_thread(publish_both) == [b"\0\x07", b"\0\x08"]


async def test_qos_2_and_qos_0_come_through_too(site: BrokerSite) -> None:
    topic = b"vigil/v1/dev_a/event"

    def publish_both() -> None:
        with site.device("dev_a") as client:
            client.send(publish(topic, b"two", 5, qos=2))
            client.expect(packets.PUBREC)
            client.send(publish(topic, b"two", 5, qos=2))
            client.expect(packets.PUBREC)
            client.send(packet(0x62, b"\0\x05"))
            client.expect(packets.PUBCOMP)
            client.send(publish(topic, b"none", qos=0))

    await asyncio.to_thread(publish_both)
    await eventually(lambda: site.admission.payloads == [b"two", b"none"], what="both, once each")


async def test_large_payloads_are_kept_and_of_larger_ones_the_beginning(site: BrokerSite) -> None:
    """They are acknowledged: a device that had to bring one again would bring nothing else."""
    topic = b"vigil/v1/dev_a/location"
    sizes = (1_000_000, 1_050_000, 6_000_000, 1)

    def send() -> None:
        with site.device("dev_a") as client:
            for number, size in enumerate(sizes, 1):
                client.send(publish(topic, b"x" * size, number))
                client.expect(packets.PUBACK)

    await asyncio.to_thread(send)
    assert [len(payload) for payload in site.admission.payloads] == [1_000_000, 1]
    assert [len(payload) for _, _, payload in site.admission.refused] == [HEAD_BYTES, HEAD_BYTES]
    assert site.admission.reasons == ["too_large", "too_large"]


async def test_an_alarm_that_is_too_large_is_an_alarm(site: BrokerSite) -> None:
    topic = b"vigil/v1/dev_a/alarm"

    def send() -> None:
        with site.device("dev_a") as client:
            client.send(publish(topic, b'{"kind":"panic"' + b" " * 5_000_000, 1))
            client.expect(packets.PUBACK)

    await asyncio.to_thread(send)
    assert [payload[:15] for payload in site.admission.payloads] == [b'{"kind":"panic"']
    await eventually(lambda: site.admission.reasons, what="the letter")
    assert site.admission.reasons == ["too_large"]


async def test_a_command_waits_for_a_device_that_is_away(site: BrokerSite) -> None:
    down = b"vigil/v1/dev_a/down"

    def leave_and_return() -> None:
        with site.device("dev_a", clean=False) as client:
            client.send(subscribe(down, 1))
            client.expect(packets.SUBACK)
        with site.client() as ingest:
            ingest.send(connect(b"d", INGEST.encode(), (site.embedded.address.password or "").encode()))
            ingest.expect(packets.CONNACK)
            ingest.send(publish(down, b"locate", 1))
            ingest.expect(packets.PUBACK)
        with site.device("dev_a", clean=False) as client:
            first = client.expect(packets.PUBLISH)
            assert first.body.endswith(b"locate")
        with site.device("dev_a", clean=False) as client:
            again = client.expect(packets.PUBLISH)
            assert (again.body, again.flags & 8) == (first.body, 8)

    await asyncio.to_thread(leave_and_return)


async def test_nothing_is_retained_for_others(site: BrokerSite) -> None:
    def look() -> None:
        with site.device("dev_a") as client:
            client.send(bytes((0x33,)) + publish(b"vigil/v1/dev_a/status", b"private", 1)[1:])
            client.expect(packets.PUBACK)
        with site.device("dev_b") as other:
            other.send(subscribe(b"vigil/v1/dev_b/down", 1) + packet(0xC0))
            other.expect(packets.SUBACK)
            other.expect(packets.PINGRESP)

    await asyncio.to_thread(look)
