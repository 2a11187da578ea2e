"""The embedded broker from outside: who may log in, and what they may do."""

import asyncio

import pytest

from ingest.broker import packets
from ingest.broker.guard import INGEST
from tests.support.broker_site import BrokerSite
from tests.support.brokers import run
from tests.support.raw_mqtt import connect, packet, publish, subscribe
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


async def test_who_proves_nothing_stays_outside(site: BrokerSite) -> None:
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


async def test_a_foreign_topic_becomes_a_dead_letter_with_its_true_sender(site: BrokerSite) -> None:
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


async def test_a_device_hears_its_own_down_and_nothing_else(site: BrokerSite) -> None:
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


async def test_a_last_will_is_published_only_when_it_is_ones_own(site: BrokerSite) -> None:
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


async def test_a_client_id_belongs_to_its_login(site: BrokerSite) -> None:
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


async def test_the_same_device_takes_its_client_id_over(site: BrokerSite) -> None:
    def take_over() -> None:
        for clean in (True, False):
            with site.device("dev_a", clean=clean) as older, site.device("dev_a", clean=clean) as newer:
                assert older.ended()
                newer.send(publish(b"vigil/v1/dev_a/location", b"newer", 1))
                newer.expect(packets.PUBACK)

    await asyncio.to_thread(take_over)


async def test_a_revoked_and_a_rotated_device_are_soon_out(site: BrokerSite) -> None:
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


async def test_a_device_added_now_may_log_in_now(site: BrokerSite) -> None:
    secret = site.embedded.add("dev_new")
    code, _ = await run(site.pub("dev_new", secret, "vigil/v1/dev_new/alarm", "panic"))
    assert code == 0


async def test_the_silent_are_taken_for_gone(site: BrokerSite) -> None:
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


async def test_after_ten_failures_in_its_name_a_device_gets_in_all_the_same(site: BrokerSite) -> None:
    def guess() -> None:
        for _ in range(12):
            with site.client() as client:
                assert client.log_in("dev_a", "guess") == packets.NOT_AUTHORIZED
        site.device("dev_a").close()

    await asyncio.to_thread(guess)
