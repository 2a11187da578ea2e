"""A flood of messages that no device should send: each is kept as an event or a dead letter, and a panic
in the middle of it is through within a second."""

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random

import httpx
import pytest

from devices.clock import SystemClock
from ingest.lanes import ALARMS, TELEMETRY
from tests.faults.accounting import Found, unaccounted
from tests.support import raw_mqtt
from tests.support.faults_corpus import FIRST_NUMBER, corpus, generated
from tests.support.faults_fleet import Login, dispatcher, enroll
from tests.support.faults_flood import Flood, Presser
from tests.support.faults_found import log_view, read_arrivals, read_letters, stored_letters
from tests.support.service import Service
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

FLOODERS = 6
NURSES = 5
THROUGH_WITHIN_S = 1.0
VIOLATIONS = (
    raw_mqtt.publish(b"vigil/v1/+/alarm", b"{}", 1),
    raw_mqtt.publish(b"\xff\xfe", b"{}", 1),
    raw_mqtt.publish(b"", b"{}", 1),
    raw_mqtt.publish(b"a\0b", b"{}", 1),
    raw_mqtt.publish(b"a", b"{}", 0),
    raw_mqtt.packet(0x36, b"\0\1a\0\1{}"),
    raw_mqtt.packet(0x32, b"\0\xffa"),
    raw_mqtt.packet(0xF0),
    b"\x32\xff\xff\xff\xff\xff",
    b"GET / HTTP/1.1\r\nHost: " + b"v" * 100,
)


def break_the_protocol(port: int, login: Login) -> None:
    """Say what MQTT does not allow: the connection ends, and nothing else happens."""
    for words in VIOLATIONS:
        with raw_mqtt.RawClient(port) as client:
            assert client.log_in(login.id, login.secret) == 0
            client.send(words)
            assert client.ended(), words[:40]


async def read_found(service: Service, zero_ms: int) -> Found:
    """Read what became of the flood, once the store has every dead letter, too."""
    async with log_view(service.data_dir) as log:
        letters = await read_letters(log)
        telemetry, urgent = await read_arrivals(log, TELEMETRY), await read_arrivals(log, ALARMS)
    filed = {letter.id for letter in letters}
    await eventually(lambda: stored_letters(service.data_dir) == filed, what="all letters are filed")
    return Found(telemetry, urgent, letters, zero_ms)


async def flood_with(service: Service, count: int, seed: int, tell: Callable[[str], None]) -> None:
    clock = SystemClock()
    zero_ms = clock.now_ms() - 600_000 - FIRST_NUMBER
    logins = enroll(service.data_dir, FLOODERS + NURSES, clock)
    flooders, nurses = logins[:FLOODERS], logins[FLOODERS:]
    recipes = corpus()
    recipes += generated(count - len(recipes), seed)
    Random(seed).shuffle(recipes)
    # Each must be taken in whole, however fast: what is refused for its rate or size is tried elsewhere.
    (service.data_dir / "vigil.toml").write_text(
        "device_messages_per_s = 1e6\ndevice_bytes_per_s = 1e9\ndevice_alarms_per_s = 1e6\n"
        "device_payload_bytes = 3145728\n"
    )
    service.start()
    flood = Flood(service, flooders, nurses, zero_ms)
    async with dispatcher(service.base_url) as http, asyncio.TaskGroup() as tasks:
        pressing = [
            tasks.create_task(
                Presser(service, nurse, clock, http).run(partial(flood.reached, part / (NURSES + 1)))
            )
            for part, nurse in enumerate(nurses, 1)
        ]
        since_s = clock.monotonic_s()
        await flood.run(recipes)
        took_s = clock.monotonic_s() - since_s
    await asyncio.to_thread(break_the_protocol, service.mqtt_port, flooders[0])
    async with httpx.AsyncClient(base_url=service.base_url, timeout=PATIENCE_S, trust_env=False) as http:
        assert (await http.get("/readyz")).status_code == 200
    found = await read_found(service, zero_ms)
    assert await asyncio.to_thread(service.stop) == 0
    assert "Traceback" not in service.errors(), service.errors()[-4000:]
    took = [task.result() for task in pressing]
    slowest_s = max(one.to_api_s for one in took)
    tell(
        f"seed {seed}: {len(flood.accepted)} messages in {took_s:.1f} s,"
        f" {found.letters.total()} of them dead letters, {found.alarms.total() - NURSES} broken alarms;"
        f" {NURSES} panics in the middle: at the API within {slowest_s * 1000:.0f} ms,"
        f" alarm_received within {max(one.to_received_s for one in took) * 1000:.0f} ms"
    )
    assert len(flood.accepted) == count
    # The other devices' attempts to raise an alarm in their names are not among them.
    assert [found.alarms.pop(nurse.id) for nurse in nurses] == [1] * NURSES
    assert unaccounted(flood.accepted, found) == []
    # The quickest: the others may have waited for whatever else runs here.
    assert min(one.to_api_s for one in took) < THROUGH_WITHIN_S


async def test_each_malformed_message_is_kept(own_service: Service, tell: Callable[[str], None]) -> None:
    await flood_with(own_service, 2_000, 3, tell)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_ten_thousand_malformed_messages(
    own_service: Service, seed: int, tell: Callable[[str], None]
) -> None:
    await flood_with(own_service, 10_000, seed, tell)
