"""Gateways that bring many devices: each is believed no further than it may speak."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from devices.reports import AlarmBase
from ingest.gateway.logins import TokenHolder
from ingest.gateway.places import PLACES
from ingest.limits import Limits
from tests.support.gateway import PHONE, SECRET, Door, basic, bearer, brought, gateway, problem

TRACCAR = gateway("traccar")
CHIRPSTACK = gateway("chirpstack")
TRACKER = brought("traccar", "861536030196001")
CHILD = brought("traccar", "861536030196002", "org_child")
THEIRS = brought("traccar", "861536030196003", "org_b")
BUTTON = brought("chirpstack", "24E124535B316056")
AS_TRACCAR = bearer(f"{TRACCAR.id}~{SECRET}")


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door(TRACCAR, CHIRPSTACK, TRACKER, CHILD, THEIRS, BUTTON)
    door.registry.parents["org_child"] = "org_a"
    yield door
    door.gateway.close()


@pytest.fixture
async def client(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    async with door.client() as client:
        yield client


async def test_an_alarm_that_is_too_large_is_raised_by_its_beginning(
    door: Door, client: httpx.AsyncClient
) -> None:
    large = {"device": {"uniqueId": TRACKER.external_id}, "position": {"attributes": {"alarm": "sos"}}}
    content = json.dumps({**large, "note": "x" * Limits().payload_bytes}).encode()
    answer = await client.post("/gateway/traccar", content=content, headers=AS_TRACCAR)
    assert (answer.status_code, answer.json()["reports"]) == (200, 1)
    assert answer.json()["faults"][0]["reason"].startswith(f"{len(content)} bytes: at most")
    [alarm] = await door.alarms()
    assert (alarm.device, alarm.report.name) == (TRACKER.id, "panic_pressed")


def position(unique_id: str | None = TRACKER.external_id, **attributes: Any) -> dict[str, Any]:
    """What a Traccar server forwards."""
    return {
        "position": {
            "fixTime": "2026-09-24T08:00:00.000+00:00",
            "valid": True,
            "latitude": 36.8,
            "longitude": 10.1,
            "speed": 0.0,
            "accuracy": 0.0,
            "attributes": attributes,
        },
        "device": {"id": 1, "uniqueId": unique_id, "status": "online"},
    }


def sos(unique_id: str | None = TRACKER.external_id) -> dict[str, Any]:
    """The event beside it, without a position."""
    event = {
        "type": "alarm",
        "eventTime": "2026-09-24T08:00:00.000+00:00",
        "attributes": {"alarm": "sos"},
    }
    return {"event": event, "device": {"id": 1, "uniqueId": unique_id}}


def uplink(dev_eui: str = "24e124535b316056", data: bytes = bytes.fromhex("ff2e01")) -> dict[str, Any]:
    """What ChirpStack sends of a press of a Milesight WS101."""
    return {
        "deduplicationId": "3ac7e3c4",
        "time": "2026-05-22T07:47:05.404859+00:00",
        "deviceInfo": {"devEui": dev_eui, "tags": {}},
        "fCnt": 4,
        "fPort": 85,
        "data": base64.b64encode(data).decode(),
    }


async def test_a_traccar_server_brings_a_position(door: Door, client: httpx.AsyncClient) -> None:
    answer = await client.post("/gateway/traccar", json=position(), headers=AS_TRACCAR)
    assert answer.status_code == 200
    assert answer.json()["reports"] >= 1
    assert answer.json()["faults"] == []
    assert {arrival.device for arrival in await door.arrivals()} == {TRACKER.id}
    assert {arrival.nurse for arrival in await door.arrivals()} == {TRACKER.nurse}
    assert door.counted("traccar", "admitted") == 1


async def test_an_sos_counts_whichever_of_its_two_forms_comes(door: Door, client: httpx.AsyncClient) -> None:
    for said in (sos(), position(alarm="sos")):
        assert (await client.post("/gateway/traccar", json=said, headers=AS_TRACCAR)).status_code == 200
    alarms = await door.alarms()
    assert len(alarms) == 2
    assert all(isinstance(alarm.report, AlarmBase) for alarm in alarms)


async def test_chirpstack_brings_a_press(door: Door, client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/gateway/chirpstack?event=up", json=uplink(), headers=bearer(f"{CHIRPSTACK.id}~{SECRET}")
    )
    assert answer.status_code == 200
    [alarm] = await door.alarms()
    assert (alarm.device, alarm.nurse) == (BUTTON.id, BUTTON.nurse)


async def test_a_device_may_bring_its_own(door: Door, client: httpx.AsyncClient) -> None:
    headers = bearer(f"{TRACKER.id}~{SECRET}")
    assert (await client.post("/gateway/traccar", json=position(), headers=headers)).json()["reports"] >= 1
    answer = await client.post("/gateway/traccar", json=position(CHILD.external_id), headers=headers)
    assert answer.json()["reports"] == 0
    assert [letter.reason for letter in await door.letters()] == ["foreign_device"]


async def test_a_gateway_speaks_for_those_below_and_for_no_others(
    door: Door, client: httpx.AsyncClient
) -> None:
    said = [position(one.external_id) for one in (TRACKER, CHILD, THEIRS)]
    answer = await client.post("/gateway/traccar", json=said, headers=AS_TRACCAR)
    assert answer.status_code == 200
    assert {arrival.device for arrival in await door.arrivals()} == {TRACKER.id, CHILD.id}
    [letter] = await door.letters()
    assert (letter.reason, letter.device, letter.topic) == (
        "foreign_device",
        TRACCAR.id,
        "POST /gateway/traccar",
    )
    assert json.loads(letter.payload)["device"]["uniqueId"] == THEIRS.external_id


@pytest.mark.parametrize("name", [THEIRS.external_id, PHONE.id, "000000", "+/#"])
async def test_an_sos_of_no_device_of_theirs_is_raised_in_no_other_devices_name(
    door: Door, client: httpx.AsyncClient, name: str
) -> None:
    answer = await client.post("/gateway/traccar", json=sos(name), headers=AS_TRACCAR)
    assert answer.status_code == 200
    [alarm] = await door.alarms()
    assert (alarm.nurse, alarm.org) == (None, "org_a")
    assert door.registry.find(alarm.device) in {None, TRACCAR}
    assert len(await door.letters()) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (position("000000"), "unknown_device"),
        (position(None), "unknown_device"),
        (position(BUTTON.external_id), "unknown_device"),
        (b"{", "unknown_device"),
        (b"", "unknown_device"),
        ({"device": {"uniqueId": TRACKER.external_id}}, "unreadable"),
    ],
)
async def test_what_is_of_no_device_is_kept_and_done_with(
    door: Door, client: httpx.AsyncClient, said: object, reason: str
) -> None:
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    answer = await client.post("/gateway/traccar", content=content, headers=AS_TRACCAR)
    assert answer.status_code == 200
    assert answer.json()["reports"] == 0
    [letter] = await door.letters()
    assert letter.reason == reason
    assert door.counted("traccar", "dead_letter") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(TRACCAR.id),
        bearer("nonsense"),
        bearer(f"{TRACCAR.id}~wrong"),
        bearer(f"gtw_none~{SECRET}"),
        bearer(f"dev_lost~{SECRET}"),
    ],
)
async def test_who_proves_nothing_is_refused(
    door: Door, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/gateway/traccar", json=position(), headers=headers)
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert await door.arrivals() == []
    assert {letter.reason for letter in await door.letters()} <= {"login_refused"}


async def test_a_gateway_of_another_dialect_is_refused(door: Door, client: httpx.AsyncClient) -> None:
    headers = bearer(f"{CHIRPSTACK.id}~{SECRET}")
    problem(await client.post("/gateway/traccar", json=position(), headers=headers), 403)
    assert await door.letters() == []


async def test_a_gateway_is_no_device(door: Door, client: httpx.AsyncClient) -> None:
    panic = {"kind": "panic", "id": "a-1"}
    problem(await client.post("/gateway/native/alarm", json=panic, headers=basic(TRACCAR.id)), 401)


async def test_a_supervisors_token_stands_for_a_gateway_of_theirs(
    door: Door, client: httpx.AsyncClient
) -> None:
    door.tokens["t-1"] = TokenHolder("boss", "org_a", may_bring=True)
    door.tokens["t-2"] = TokenHolder("clerk", "org_a", may_bring=False)
    door.tokens["t-3"] = TokenHolder("stranger", "org_b", may_bring=True)
    answer = await client.post("/gateway/traccar", json=position(), headers=bearer("t-1"))
    assert answer.json()["reports"] >= 1
    problem(await client.post("/gateway/traccar", json=position(), headers=bearer("t-2")), 403)
    answer = await client.post("/gateway/traccar", json=position(), headers=bearer("t-3"))
    assert (answer.status_code, answer.json()["reports"]) == (200, 0)


async def test_a_burst_of_a_gateway_waits_its_turn(door: Door, client: httpx.AsyncClient) -> None:
    """ChirpStack says a thing once, and all at once: none of it may be refused."""
    calls = [client.post("/gateway/traccar", json=sos(), headers=AS_TRACCAR) for _ in range(PLACES + 44)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}
    assert len(await door.alarms()) == PLACES + 44


@pytest.mark.parametrize("door_name", ["jt808", "gb28181"])
async def test_the_doors_of_platforms_are_open(door: Door, client: httpx.AsyncClient, door_name: str) -> None:
    platform = gateway(door_name)
    door.registry.add(platform, SECRET)
    headers = bearer(f"{platform.id}~{SECRET}")
    answer = await client.post(f"/gateway/{door_name}", json={"nobody": 1}, headers=headers)
    assert (answer.status_code, answer.json()["reports"]) == (200, 0)
    assert [letter.reason for letter in await door.letters()] == ["unknown_device"]
