"""The embedded broker from outside: who may what, what is kept, and what it survives."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from devices.clock import SystemClock
from ingest.broker import packets
from ingest.broker.guard import INGEST
from ingest.broker.server import BrokerFailed, EmbeddedBroker
from ingest.refused import HEAD_BYTES
from ingest.subscriber import ALARM_LANE, TELEMETRY_LANE, Subscriber
from tests.support.brokers import Embedded, embedded_broker, run
from tests.support.raw_mqtt import RawClient, connect, packet, publish, subscribe
from tests.support.recording import RecordingAdmission
from tests.support.requires import require
from tests.support.waiting import PATIENCE_S, eventually, wait_until

pytestmark = pytest.mark.integration


class Site:
    """A broker with two devices, and ingest that reads both lanes into `admission`."""

    def __init__(self, embedded: Embedded, admission: RecordingAdmission) -> None:
        self.embedded = embedded
        self.admission = admission

    def pub(self, user: str, secret: str, topic: str, payload: str, *options: str) -> list[str]:
        command = [str(require("mosquitto_pub")), "-h", "127.0.0.1", "-p", str(self.embedded.port), "-q", "1"]
        return [*command, "-u", user, "-P", secret, "-t", topic, "-m", payload, *options]

    def sub(self, user: str, topic: str, *options: str) -> list[str]:
        secret = self.embedded.secrets[user]
        command = [str(require("mosquitto_sub")), "-h", "127.0.0.1", "-p", str(self.embedded.port), "-q", "1"]
        return [*command, "-u", user, "-P", secret, "-t", topic, *options]

    def client(self) -> RawClient:
        return RawClient(self.embedded.port)

    def device(self, device: str, client_id: str = "raw", *, clean: bool = True) -> RawClient:
        client = self.client()
        assert (
            client.log_in(device, self.embedded.secrets[device], client_id, clean=clean) == packets.ACCEPTED
        )
        return client


@asynccontextmanager
async def ingesting(embedded: Embedded, admission: RecordingAdmission) -> AsyncIterator[None]:
    lanes = [
        Subscriber(embedded.address, lane, admission, SystemClock()) for lane in (ALARM_LANE, TELEMETRY_LANE)
    ]
    tasks = [asyncio.create_task(lane.run()) for lane in lanes]
    try:
        for lane in lanes:
            await asyncio.wait_for(lane.until_connected(), PATIENCE_S)
        yield
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    admission = RecordingAdmission()
    async with embedded_broker(tmp_path, "dev_a", "dev_b") as embedded, ingesting(embedded, admission):
        yield Site(embedded, admission)


async def test_what_is_acknowledged_was_admitted(site: Site) -> None:
    secret = site.embedded.secrets["dev_a"]
    code, _ = await run(site.pub("dev_a", secret, "vigil/v1/dev_a/alarm", "panic"))
    assert code == 0
    assert site.admission.admitted == [("vigil/v1/dev_a/alarm", b"panic")]


async def test_who_proves_nothing_stays_outside(site: Site) -> None:
    topic = "vigil/v1/dev_a/alarm"
    theirs = site.embedded.secrets["dev_b"]
    for user, secret in (
        ("dev_a", "guess"),
        ("dev_a", theirs),
        ("dev_x", theirs),
        (INGEST, theirs),
        ("", ""),
    ):
        code, output = await run(site.pub(user, secret, topic, "no"))
        assert code != 0, (user, output)
    anonymous = [one for one in site.pub("u", "s", topic, "no") if one not in {"-u", "-P", "u", "s"}]
    assert (await run(anonymous))[0] != 0
    expected = {(name, "login_refused") for name in ("dev_a", "dev_x", INGEST, None)}

    def all_told() -> bool:
        return {(device, reason) for (device, _, _), reason in site.admission.told} == expected

    await eventually(all_told, what="a letter for each")
    assert site.admission.admitted == []


async def test_a_foreign_topic_becomes_a_dead_letter_with_its_true_sender(site: Site) -> None:
    secret = site.embedded.secrets["dev_a"]
    foreign = [
        "vigil/v1/dev_b/alarm",
        "vigil/v1/dev_a/down",
        "vigil/v1/dev_a/alarm/x",
        "$SYS/x",
        "other",
        "/",
    ]
    for topic in foreign:
        await run(site.pub("dev_a", secret, topic, "mine"))
    assert site.admission.refused == [("dev_a", topic, b"mine") for topic in foreign]
    assert site.admission.admitted == []


async def test_a_device_hears_its_own_down_and_nothing_else(site: Site) -> None:
    def ask() -> list[int]:
        with site.device("dev_a") as client:
            codes = []
            for number, wanted in enumerate(
                (b"vigil/v1/dev_a/down", b"vigil/v1/dev_b/down", b"#", b"+/+/+/down", b"$vigil/refused/#"), 1
            ):
                client.send(subscribe(wanted, number))
                codes.append(client.expect(packets.SUBACK).body[2])
            return codes

    assert await asyncio.to_thread(ask) == [1, 0x80, 0x80, 0x80, 0x80]


async def test_a_last_will_is_published_only_when_it_is_ones_own(site: Site) -> None:
    secret = site.embedded.secrets["dev_a"].encode()

    def vanish(topic: bytes, *, politely: bool = False) -> None:
        with site.client() as client:
            client.send(connect(b"raw", b"dev_a", secret, will=(topic, b"gone")))
            client.expect(packets.CONNACK)
            if politely:
                client.send(packet(0xE0))
                assert client.ended()

    await asyncio.to_thread(vanish, b"vigil/v1/dev_a/status", politely=True)
    await asyncio.to_thread(vanish, b"vigil/v1/dev_b/status")
    await asyncio.to_thread(vanish, b"vigil/v1/dev_a/status")
    await eventually(lambda: site.admission.admitted and site.admission.refused, what="the wills")
    assert site.admission.admitted == [("vigil/v1/dev_a/status", b"gone")]
    assert site.admission.refused == [("dev_a", "vigil/v1/dev_b/status", b"gone")]


async def test_a_client_id_belongs_to_its_login(site: Site) -> None:
    def steal() -> None:
        with site.device("dev_a", "shared", clean=False) as owner, site.client() as thief:
            assert thief.log_in("dev_a", "guess", "shared", clean=True) == packets.NOT_AUTHORIZED
            for client_id in ("shared", "vigil-ingest-telemetry", "vigil-ingest-alarms"):
                with site.device("dev_b", client_id):
                    pass
                with site.client() as stranger:
                    assert stranger.log_in(INGEST, "guess", client_id) == packets.NOT_AUTHORIZED
            owner.send(publish(b"vigil/v1/dev_a/location", b"still here", 1))
            owner.expect(packets.PUBACK)

    await asyncio.to_thread(steal)
    assert site.admission.admitted == [("vigil/v1/dev_a/location", b"still here")]


async def test_the_same_device_takes_its_client_id_over(site: Site) -> None:
    def take_over() -> None:
        for clean in (True, False):
            with site.device("dev_a", clean=clean) as older, site.device("dev_a", clean=clean) as newer:
                assert older.ended()
                newer.send(publish(b"vigil/v1/dev_a/location", b"newer", 1))
                newer.expect(packets.PUBACK)

    await asyncio.to_thread(take_over)


async def test_a_revoked_and_a_rotated_device_are_soon_out(site: Site) -> None:
    old = site.embedded.secrets["dev_b"]

    def lose() -> None:
        with site.device("dev_a") as revoked, site.device("dev_b") as rotated:
            site.embedded.revoke("dev_a")
            new = site.embedded.rotate("dev_b")
            assert revoked.ended()
            assert rotated.ended()
        with site.client() as client:
            assert client.log_in("dev_a", site.embedded.secrets["dev_a"]) == packets.NOT_AUTHORIZED
        with site.client() as client:
            assert client.log_in("dev_b", old) == packets.NOT_AUTHORIZED
        with site.client() as client:
            assert client.log_in("dev_b", new) == packets.ACCEPTED

    await asyncio.to_thread(lose)


async def test_a_device_added_now_may_log_in_now(site: Site) -> None:
    secret = site.embedded.add("dev_new")
    code, _ = await run(site.pub("dev_new", secret, "vigil/v1/dev_new/alarm", "panic"))
    assert code == 0


async def test_the_silent_are_taken_for_gone(site: Site) -> None:
    secret = site.embedded.secrets["dev_a"].encode()

    def fall_silent() -> None:
        with site.client() as client:
            client.send(
                connect(b"raw", b"dev_a", secret, keep_alive_s=1, will=(b"vigil/v1/dev_a/status", b"off"))
            )
            client.expect(packets.CONNACK)
            assert client.ended()

    await asyncio.to_thread(fall_silent)
    await eventually(lambda: site.admission.payloads == [b"off"], what="the will")


async def test_after_ten_failures_in_its_name_a_device_gets_in_all_the_same(site: Site) -> None:
    def guess() -> None:
        for _ in range(12):
            with site.client() as client:
                assert client.log_in("dev_a", "guess") == packets.NOT_AUTHORIZED
        site.device("dev_a").close()

    await asyncio.to_thread(guess)


async def test_what_comes_before_ingest_waits_for_it(tmp_path: Path) -> None:
    admission = RecordingAdmission()
    async with embedded_broker(tmp_path, "dev_a") as embedded:
        site = Site(embedded, admission)
        secret = embedded.secrets["dev_a"]
        early = asyncio.create_task(run(site.pub("dev_a", secret, "vigil/v1/dev_a/alarm", "early")))
        done, _ = await asyncio.wait({early}, timeout=0.5)
        assert not done
        async with ingesting(embedded, admission):
            assert (await early)[0] == 0
    assert admission.payloads == [b"early"]


async def test_a_burst_is_whole_although_its_sender_leaves_at_once(site: Site) -> None:
    def burst() -> None:
        with site.device("dev_a") as client:
            sent = [publish(b"vigil/v1/dev_a/location", b"%d" % n, n + 1) for n in range(500)]
            client.send(b"".join(sent) + packet(0xE0))
            assert client.ended()

    await asyncio.to_thread(burst)
    await eventually(lambda: len(site.admission.admitted) == 500, what="all of it")
    assert site.admission.payloads == [b"%d" % n for n in range(500)]


async def test_acknowledgements_leave_in_the_order_of_their_publishes(site: Site) -> None:
    """The alarm is durable first, and still acknowledged second [MQTT-4.6.0-2]."""
    location, alarm = b"vigil/v1/dev_a/location", b"vigil/v1/dev_a/alarm"

    def publish_both() -> list[bytes]:
        with site.device("dev_a") as client:
            client.send(publish(location, b"x" * 500_000, 7) + publish(alarm, b"panic", 8))
            return [client.expect(packets.PUBACK).body for _ in range(2)]

    assert await asyncio.to_thread(publish_both) == [b"\0\x07", b"\0\x08"]


async def test_qos_2_and_qos_0_come_through_too(site: Site) -> None:
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


async def test_large_payloads_are_kept_and_of_larger_ones_the_beginning(site: Site) -> None:
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


async def test_an_alarm_that_is_too_large_is_an_alarm(site: Site) -> None:
    topic = b"vigil/v1/dev_a/alarm"

    def send() -> None:
        with site.device("dev_a") as client:
            client.send(publish(topic, b'{"kind":"panic"' + b" " * 5_000_000, 1))
            client.expect(packets.PUBACK)

    await asyncio.to_thread(send)
    assert [payload[:15] for payload in site.admission.payloads] == [b'{"kind":"panic"']
    await eventually(lambda: site.admission.reasons, what="the letter")
    assert site.admission.reasons == ["too_large"]


async def test_a_command_waits_for_a_device_that_is_away(site: Site) -> None:
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


async def test_nothing_is_retained_for_others(site: Site) -> None:
    def look() -> None:
        with site.device("dev_a") as client:
            client.send(bytes((0x33,)) + publish(b"vigil/v1/dev_a/status", b"private", 1)[1:])
            client.expect(packets.PUBACK)
        with site.device("dev_b") as other:
            other.send(subscribe(b"vigil/v1/dev_b/down", 1) + packet(0xC0))
            other.expect(packets.SUBACK)
            other.expect(packets.PINGRESP)

    await asyncio.to_thread(look)


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
async def test_a_violation_ends_its_own_connection_only(site: Site, said: bytes, logged_in: bool) -> None:
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


async def test_stays_up_under_two_thousand_malformed_conversations(site: Site) -> None:
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


async def test_a_device_that_never_reads_does_no_harm(site: Site) -> None:
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


async def test_who_reads_no_answers_is_not_read_either(site: Site) -> None:
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


STARTER = """
import asyncio, sys
from devices.clock import SystemClock
from ingest.broker.server import EmbeddedBroker

async def start():
    print(await EmbeddedBroker("127.0.0.1", 0, sys.argv[1], SystemClock()).start(), flush=True)
    await asyncio.Event().wait()

asyncio.run(start())
"""


def test_dies_with_who_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, f"sqlite:///{tmp_path / 'registry.db'}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        RawClient(port).close()
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: _unreachable(port), what="the broker is gone")


def _unreachable(port: int) -> bool:
    try:
        RawClient(port).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_is_started_again_on_its_port_and_stopped_for_good(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path, "dev_a") as embedded:
        keeping = asyncio.create_task(embedded.broker.wait())
        port, pid = embedded.port, embedded.broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await restarted(embedded, pid)
        await embedded.broker.stop()
        await asyncio.wait_for(keeping, PATIENCE_S)
        assert _unreachable(port)


async def test_what_it_acknowledged_before_it_was_killed_was_admitted(site: Site) -> None:
    keeping = asyncio.create_task(site.embedded.broker.wait())
    for round_number in range(3):
        pid = site.embedded.broker.pid
        assert pid is not None
        acknowledged = await asyncio.to_thread(publish_until_killed, site, round_number * 10_000, pid)
        assert len(acknowledged) > 20
        assert acknowledged <= set(site.admission.payloads)
        await restarted(site.embedded, pid)
    await site.embedded.broker.stop()
    await keeping


async def restarted(embedded: Embedded, pid: int) -> None:
    """Wait until another process than `pid` listens."""
    await eventually(lambda: embedded.broker.pid not in {pid, None}, what="another process")
    await eventually(lambda: not _unreachable(embedded.port), what="it listens again")


def publish_until_killed(site: Site, first: int, pid: int) -> set[bytes]:
    """Publish as fast as the window allows, kill the broker, and return what it had acknowledged."""
    acknowledged: set[bytes] = set()
    with site.device("dev_a") as client:
        sent = [publish(b"vigil/v1/dev_a/location", b"%d" % (first + n), n + 1) for n in range(2000)]
        client.send(b"".join(sent))
        while (frame := client.next()) is not None:
            acknowledged.add(b"%d" % (first + int.from_bytes(frame.body) - 1))
            if len(acknowledged) == 25:
                os.kill(pid, signal.SIGKILL)
    return acknowledged


async def test_a_taken_port_is_said_so(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path) as embedded:
        url = f"sqlite:///{tmp_path / 'registry.db'}"
        second = EmbeddedBroker("127.0.0.1", embedded.port, url, SystemClock())
        with pytest.raises(BrokerFailed, match=f":{embedded.port}: cannot listen"):
            await second.start()
