"""The native dialect over HTTP: 200 means durable, and the answer carries what the device is to be told."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from devices.commands import Command
from devices.reports import FallDetected, Fix, PanicPressed, StatusReported
from ingest.attempts import LETTERS_PER_MINUTE
from ingest.gateway.places import PLACES_OF_ONE
from ingest.limits import Limits
from ingest.refused import HEAD_BYTES
from tests.support.gateway import PHONE, Door, basic, problem
from tests.support.waiting import eventually

FIX = {"lat": 31.2, "lon": 121.5, "accuracy_m": 5, "seq": 1, "time": 1_750_000_000_000}
PANIC = {"kind": "panic", "id": "a-1", "seq": 7, "time": 1_750_000_000_000}
MESSAGE = Command(id="c-1", device=PHONE.id, kind="message", at_ms=1, details={"text": "call in"})
SAID = {
    "location": FIX,
    "alarm": PANIC,
    "event": {"kind": "check_in", "seq": 2},
    "status": {"state": "online"},
    "record": {"kind": "recording_started", "seq": 3},
}


@pytest.mark.parametrize("channel", SAID)
async def test_each_channel_is_admitted(door: Door, client: httpx.AsyncClient, channel: str) -> None:
    answer = await client.post(f"/gateway/native/{channel}", json=SAID[channel], headers=basic())
    assert (answer.status_code, answer.json()) == (200, {"commands": [], "faults": []})
    [arrival] = await door.arrivals()
    assert (arrival.device, arrival.nurse, arrival.org) == ("dev_a", "nur_a", "org_a")
    assert door.counted("native", "admitted") == 1


async def test_an_alarm_takes_its_own_lane(door: Door, client: httpx.AsyncClient) -> None:
    await client.post("/gateway/native/alarm", json=PANIC, headers=basic())
    assert [type(arrival.report) for arrival in await door.alarms()] == [PanicPressed]


async def test_an_alarm_without_coordinates_counts(door: Door, client: httpx.AsyncClient) -> None:
    broken = b'{"kind": "panic", "id": "a-2", "fix": {"lat": null}}'
    answer = await client.post("/gateway/native/alarm", content=broken, headers=basic())
    assert answer.status_code == 200
    assert [one["field"] for one in answer.json()["faults"]] == ["fix.lat"]
    assert len(await door.alarms()) == 1


async def test_even_an_alarm_that_is_no_json_counts(door: Door, client: httpx.AsyncClient) -> None:
    answer = await client.post("/gateway/native/alarm", content=b"\xff{", headers=basic())
    assert answer.status_code == 200
    assert len(await door.alarms()) == 1


async def test_the_content_type_does_not_matter(door: Door, client: httpx.AsyncClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "nonsense"):
        headers = basic() | {"Content-Type": kind}
        content = b'{"kind":"panic","id":"%s"}' % kind.encode()
        answer = await client.post("/gateway/native/alarm", content=content, headers=headers)
        assert answer.status_code == 200
    assert len(await door.alarms()) == 3


@pytest.mark.parametrize(
    ("payload", "field"),
    [(b"{", "$"), (b"", "$"), (b"[]", "$"), (b'{"lat": "31.2", "lon": 121}', "lat"), (b"\xff", "$")],
)
async def test_what_cannot_be_read_is_refused_by_its_field_and_kept(
    door: Door, client: httpx.AsyncClient, payload: bytes, field: str
) -> None:
    answer = await client.post("/gateway/native/location", content=payload, headers=basic())
    document = problem(answer, 422)
    assert (document["field"], document["errors"][0]["field"]) == (field, field)
    [letter] = await door.letters()
    assert (letter.topic, letter.payload) == ("POST /gateway/native/location", payload)
    assert (letter.reason, letter.field, letter.device) == ("unreadable", field, "dev_a")
    assert door.counted("native", "unreadable") == 1


async def test_the_good_part_of_a_list_counts(door: Door, client: httpx.AsyncClient) -> None:
    answer = await client.post("/gateway/native/location", json=[FIX, {"lat": 99}], headers=basic())
    assert answer.status_code == 200
    assert [one["field"] for one in answer.json()["faults"]] == ["[1].lat"]
    assert len(await door.arrivals()) == len(await door.letters()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(secret="wrong"),
        basic(name="dev_nobody"),
        basic(name="dev_lost"),
        basic(name="../../etc"),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic ZGV2X2E="},
        {"Authorization": "Bearer dev_a~s3cret"},
    ],
)
async def test_who_proves_nothing_is_refused(
    door: Door, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/gateway/native/alarm", json=PANIC, headers=headers)
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert await door.arrivals() == []
    assert {letter.reason for letter in await door.letters()} <= {"login_refused"}
    assert door.counted("native", "unauthorised") == 1


async def test_who_was_turned_away_is_written_down_once(door: Door, client: httpx.AsyncClient) -> None:
    for _ in range(12):
        await client.post("/gateway/native/alarm", json=PANIC, headers=basic(secret="guess"))
    letters = await door.letters()
    assert [(one.reason, one.device, one.topic, one.payload) for one in letters] == [
        (reason, "dev_a", "POST /gateway/native/alarm", b"")
        for reason in ("login_refused", "login_throttled")
    ]
    assert "198.51.100.7" in letters[0].explanation
    assert "guess" not in letters[0].explanation


async def test_a_swarm_of_strangers_cannot_fill_the_disk(door: Door, client: httpx.AsyncClient) -> None:
    for number in range(LETTERS_PER_MINUTE + 20):
        await client.post("/gateway/native/alarm", json=PANIC, headers=basic(name=f"dev_{number}"))
    assert len(await door.letters()) == LETTERS_PER_MINUTE


async def test_guessing_is_slowed_down_and_never_with_a_4xx(door: Door, client: httpx.AsyncClient) -> None:
    for _ in range(10):
        answer = await client.post("/gateway/native/alarm", json=PANIC, headers=basic(secret="guess"))
        assert answer.status_code == 401
    answer = await client.post("/gateway/native/alarm", json=PANIC, headers=basic(secret="guess"))
    problem(answer, 503)
    assert answer.headers["Retry-After"] == "60"
    assert door.counted("native", "throttled") == 1
    # The device itself is not kept out by who fails in its name.
    assert (await client.post("/gateway/native/alarm", json=PANIC, headers=basic())).status_code == 200
    async with door.client("203.0.113.9") as elsewhere:
        answer = await elsewhere.post("/gateway/native/alarm", json=PANIC, headers=basic(secret="guess"))
        assert answer.status_code == 401
    door.clock.advance_s(61)
    answer = await client.post("/gateway/native/alarm", json=PANIC, headers=basic(secret="guess"))
    assert answer.status_code == 401


async def spaces(size: int) -> AsyncIterator[bytes]:
    """A body of so many bytes whose length nobody declares."""
    for _ in range(size // 65_536 + 1):
        yield b" " * 65_536


@pytest.mark.parametrize("declared", [True, False])
async def test_what_is_too_large_is_not_read_and_its_head_is_kept(
    door: Door, client: httpx.AsyncClient, declared: bool
) -> None:
    most = Limits().payload_bytes
    content = b" " * (most + 1) if declared else spaces(most)
    answer = await client.post("/gateway/native/location", content=content, headers=basic())
    problem(answer, 413)
    assert answer.headers["Connection"] == "close"
    [letter] = await door.letters()
    assert (letter.reason, letter.device, len(letter.payload)) == ("too_large", "dev_a", HEAD_BYTES)
    size = f"{most + 1} bytes: at most" if declared else f"more than {most} bytes: at most"
    assert letter.explanation.startswith(size)
    assert door.counted("native", "too_large") == 1


async def test_an_alarm_that_is_too_large_is_raised_by_its_head(
    door: Door, client: httpx.AsyncClient
) -> None:
    large = b'{"kind": "fall", "id": "a-9", "note": "' + b"x" * Limits().payload_bytes + b'"}'
    answer = await client.post("/gateway/native/alarm", content=large, headers=basic())
    assert answer.status_code == 200
    assert "at most" in answer.json()["faults"][0]["reason"]
    [alarm] = await door.alarms()
    assert isinstance(alarm.report, FallDetected)
    assert "too_large" in {letter.reason for letter in await door.letters()}


async def test_a_flood_is_told_to_come_again_and_leaves_alarms_their_way(
    door: Door, client: httpx.AsyncClient
) -> None:
    statuses = []
    for _ in range(6):  # of a megabyte each; sixteen fit into what a device may send at once
        content = b" " * (2 * 1024 * 1024 // 2)
        for _ in range(3):
            answer = await client.post("/gateway/native/location", content=content, headers=basic())
            statuses.append(answer.status_code)
    assert statuses[0] == 422
    assert statuses[-1] == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert door.counted("native", "flood") >= 1
    assert (await client.post("/gateway/native/alarm", json=PANIC, headers=basic())).status_code == 200
    door.clock.advance_s(60)
    assert (await client.post("/gateway/native/location", json=FIX, headers=basic())).status_code == 200


async def test_nothing_is_confirmed_that_is_not_durable(door: Door, client: httpx.AsyncClient) -> None:
    await door.log.close()
    answer = await client.post("/gateway/native/alarm", json=PANIC, headers=basic())
    problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert door.counted("native", "unavailable") == 1


async def test_a_path_that_is_none(client: httpx.AsyncClient) -> None:
    problem(await client.post("/gateway/native/weather", json=FIX, headers=basic()), 404)


async def test_what_waits_is_handed_out_until_the_device_has_it(
    door: Door, client: httpx.AsyncClient
) -> None:
    door.mailbox.owe(MESSAGE)
    for _ in range(2):
        answer = await client.post("/gateway/native/status", json={}, headers=basic())
        [command] = answer.json()["commands"]
        assert command == {
            "kind": "message",
            "id": "c-1",
            "time": "1970-01-01T00:00:00.001Z",
            "text": "call in",
        }
    answer = await client.post("/gateway/native/status?seen=x,c-1", json={}, headers=basic())
    assert answer.json()["commands"] == []


async def test_one_device_cannot_take_every_place(door: Door, client: httpx.AsyncClient) -> None:
    """Bodies that never end hold their places; another device's alarm, and its own, still find one."""
    stuck = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"["
        await stuck.wait()

    tasks = [
        asyncio.create_task(client.post("/gateway/native/location", content=endless(), headers=basic()))
        for _ in range(PLACES_OF_ONE)
    ]
    inside = {"urgency": "ordinary"}
    gauge = "vigil_gateway_requests_inside"

    def all_inside() -> bool:
        return bool(door.prometheus.get_sample_value(gauge, inside) == PLACES_OF_ONE)

    await eventually(all_inside, what="every place taken")
    problem(await client.post("/gateway/native/location", json=FIX, headers=basic()), 503)
    assert (await client.post("/gateway/native/alarm", json=PANIC, headers=basic())).status_code == 200
    stuck.set()
    assert {answer.status_code for answer in await asyncio.gather(*tasks)} == {422}
    assert door.prometheus.get_sample_value(gauge, inside) == 0
    assert {type(arrival.report) for arrival in await door.arrivals()} <= {PanicPressed, Fix, StatusReported}
