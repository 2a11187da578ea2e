"""Attackers, on the embedded broker and on a Mosquitto in step with the registry: each attempt is refused,
counted and kept, and does nobody else harm."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devices.clock import SystemClock
from devices.commands import Command
from ingest.attempts import FAILURES_PER_MINUTE
from ingest.broker import packets
from ingest.downlink import Downlink
from ingest.limits import BURST_S
from ingest.refused import HEAD_BYTES
from tests.support.grounds import LIMITS, Ground, counted, embedded_ground, log_in, mosquitto_ground
from tests.support.raw_mqtt import packet, publish, subscribe
from tests.support.waiting import eventually, wait_until

pytestmark = pytest.mark.integration

GROUNDS = {"embedded": embedded_ground, "mosquitto": mosquitto_ground}


@pytest.fixture(params=GROUNDS)
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    async with GROUNDS[request.param](tmp_path) as ground:
        yield ground


def topic(device: str, channel: str) -> bytes:
    return f"vigil/v1/{device}/{channel}".encode()


def told(ground: Ground, reason: str) -> set[tuple[str | None, str]]:
    """Whom and what the dead letters of `reason` name."""
    return {(device, where) for (device, where, _), why in ground.admission.told if why == reason}


async def until_told(ground: Ground, reason: str, wanted: set[str]) -> None:
    """Wait until the thief's attempts at topics that end like `wanted` are kept and counted."""

    def kept() -> bool:
        theirs = [where for who, where in told(ground, reason) if who == ground.thief]
        return {where.rpartition("/")[2] for where in theirs} == wanted

    await eventually(kept, what=f"letters of {reason}")
    await eventually(lambda: counted(ground, reason), what=f"a count of {reason}")


async def test_nobody_speaks_or_listens_for_another(ground: Ground) -> None:
    down = topic(ground.victim, "down")

    def reach() -> None:
        with log_in(ground, ground.thief) as thief:
            thief.send(publish(topic(ground.victim, "alarm"), b"not mine", 1))
            thief.expect(packets.PUBACK)
            for number, wanted in enumerate((b"#", down), 2):
                thief.send(subscribe(wanted, number))
                thief.expect(packets.SUBACK)
            asyncio.run(tell(ground))
            thief.send(packet(0xC0))
            thief.expect(packets.PINGRESP)

    await asyncio.to_thread(reach)
    await until_told(ground, "foreign_topic", {"alarm"})
    await until_told(ground, "foreign_subscription", {"#", "down"})
    assert ground.admission.admitted == []


async def tell(ground: Ground) -> None:
    """Send the victim a command, which nobody else may hear."""
    downlink = Downlink(ground.address, SystemClock())
    running = asyncio.create_task(downlink.run())
    await downlink.send(Command(id="cmd_1", device=ground.victim, kind="locate", at_ms=0))
    running.cancel()
    await asyncio.wait({running})


async def test_a_client_id_takes_over_nobody_elses_session(ground: Ground) -> None:
    def reach() -> None:
        with log_in(ground, ground.victim, ground.victim) as victim:
            for stolen in (ground.victim, "vigil-ingest-alarms", "vigil-downlink"):
                with log_in(ground, ground.thief, stolen):
                    pass
            victim.send(publish(topic(ground.victim, "alarm"), b"still here", 1))
            victim.expect(packets.PUBACK)

    await asyncio.to_thread(reach)
    await eventually(lambda: ground.admission.payloads == [b"still here"], what="the victim's alarm")
    assert [one.connections for one in ground.subscribers] == [1, 1]


async def test_a_flood_of_locations_drowns_no_alarm(ground: Ground) -> None:
    burst, clock = int(LIMITS.messages_per_s * BURST_S), SystemClock()
    since_s = clock.monotonic_s()
    many = burst + 400

    def flood() -> None:
        with log_in(ground, ground.thief) as thief:
            locations = b"".join(
                publish(topic(ground.thief, "location"), b"%d" % n, n + 1) for n in range(many)
            )
            thief.send(locations + publish(topic(ground.thief, "alarm"), b"panic", many + 1))
            with log_in(ground, ground.victim) as victim:
                victim.send(publish(topic(ground.victim, "location"), b"calm", 1))
                victim.expect(packets.PUBACK)

    await asyncio.to_thread(flood)
    await eventually(lambda: {b"panic", b"calm"} <= set(ground.admission.payloads), what="alarm and others")
    await eventually(lambda: counted(ground, "flood") > 200, what="the flood is counted")
    admitted = len(ground.admission.payloads)
    assert admitted < burst + LIMITS.messages_per_s * (clock.monotonic_s() - since_s) + 20
    flooding = {(ground.thief, topic(ground.thief, "location").decode())}
    await eventually(lambda: told(ground, "flood") == flooding, what="the flood is told")


async def test_what_is_too_large_is_kept_as_its_beginning_and_an_alarm_is_an_alarm(ground: Ground) -> None:
    def send() -> None:
        with log_in(ground, ground.thief) as thief:
            for number, channel in enumerate(("location", "alarm"), 1):
                thief.send(publish(topic(ground.thief, channel), b"!" * 200_000, number))
                thief.expect(packets.PUBACK)

    await asyncio.to_thread(send)
    await eventually(lambda: len(ground.admission.refused) == 2, what="both are kept")
    assert ground.admission.reasons == ["too_large", "too_large"]
    assert {len(payload) for _, _, payload in ground.admission.refused} == {HEAD_BYTES}
    await eventually(lambda: ground.admission.admitted, what="the alarm")
    assert ground.admission.admitted == [(topic(ground.thief, "alarm").decode(), b"!" * HEAD_BYTES)]
    await eventually(lambda: counted(ground, "too_large") == 2, what="both are counted")


async def test_guesses_are_refused_counted_and_told(ground: Ground) -> None:
    guesses = FAILURES_PER_MINUTE + 5

    def guess() -> None:
        for number in range(guesses):
            with ground.client() as client:
                assert client.log_in(ground.victim, f"guess {number}") == packets.NOT_AUTHORIZED

    await asyncio.to_thread(guess)
    await eventually(
        lambda: counted(ground, "login_refused") + counted(ground, "login_throttled") == guesses,
        what="each is counted",
    )
    await eventually(lambda: told(ground, "login_refused"), what="it is told")
    assert len(ground.admission.refused) <= guesses
    if ground.address.embedded:
        assert counted(ground, "login_throttled") == guesses - FAILURES_PER_MINUTE
        throttled = {(ground.victim, "")}
        await eventually(lambda: told(ground, "login_throttled") == throttled, what="the throttling is told")


async def test_a_stolen_certificate_ends_with_its_device(ground: Ground) -> None:
    def steal() -> None:
        with ground.certified(ground.victim) as stolen:

            def speaks() -> list[bytes]:
                stolen.send(publish(topic(ground.victim, "location"), b"before", 1))
                stolen.expect(packets.PUBACK)
                return ground.admission.payloads

            wait_until(speaks, what="the certificate is known to the broker")
            ground.revoke(ground.victim)
            assert stolen.ended()

    await asyncio.to_thread(steal)
    assert await asyncio.to_thread(ground.again) != packets.ACCEPTED
    assert set(ground.admission.payloads) == {b"before"}
    await eventually(lambda: counted(ground, "login_refused"), what="the attempt is counted")


async def test_a_revoked_secret_ends_with_its_device(ground: Ground) -> None:
    def steal() -> None:
        with log_in(ground, ground.victim) as stolen:
            ground.revoke(ground.victim)
            assert stolen.ended()
        with ground.client() as again:
            assert again.log_in(ground.victim, ground.secret(ground.victim)) == packets.NOT_AUTHORIZED

    await asyncio.to_thread(steal)
