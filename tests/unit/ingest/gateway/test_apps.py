"""OwnTracks, Traccar Client and OsmAnd: real apps, which repeat for ever what is not answered 2xx."""

import json
from urllib.parse import urlencode

import httpx
import pytest

from devices.commands import Command, CommandKind
from devices.reports import AlarmBase, Fix
from ingest.gateway.body import MAX_FORM_BYTES
from ingest.limits import Limits
from ingest.refused import HEAD_BYTES
from tests.support.gateway import APP, CLIENT, SECRET, Door, basic, problem

PLACE = {
    "_type": "location",
    "lat": 46.0681247,
    "lon": 11.1512805,
    "tst": 1551874878,
    "acc": 15,
    "batt": 46,
    "t": "p",
    "tid": "5t",
}
IDENTITY = f"{CLIENT.id}~{SECRET}"
QUERY = {
    "id": IDENTITY,
    "timestamp": "1750000000",
    "lat": "31.2",
    "lon": "121.5",
    "speed": "0.0",
    "accuracy": "8.0",
    "batt": "61.0",
}
BODY = {
    "location": {
        "timestamp": "2025-06-15T13:45:12.862Z",
        "coords": {
            "latitude": 37.4,
            "longitude": -122.0,
            "accuracy": 5,
            "speed": 0,
            "heading": -1,
            "altitude": 5,
        },
        "event": "motionchange",
        "battery": {"level": 1, "is_charging": False},
        "activity": {"type": "still"},
    },
    "device_id": IDENTITY,
}


# --------------------------------------------------------------------------------------------- OwnTracks


async def own(client: httpx.AsyncClient, said: object) -> httpx.Response:
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    limits = {"X-Limit-U": "somebody", "X-Limit-D": "else"}
    return await client.post("/gateway/owntracks", content=content, headers=basic(APP.id) | limits)


async def test_owntracks_says_where_it_is(door: Door, client: httpx.AsyncClient) -> None:
    answer = await own(client, PLACE)
    assert (answer.status_code, answer.json()) == (200, [])
    assert {arrival.device for arrival in await door.arrivals()} == {APP.id}
    assert any(isinstance(arrival.report, Fix) for arrival in await door.arrivals())
    assert door.counted("owntracks", "admitted") == 1


async def test_a_deleted_friend_is_nothing(door: Door, client: httpx.AsyncClient) -> None:
    assert (await own(client, b"")).json() == []
    assert (await door.arrivals(), await door.letters()) == ([], [])


@pytest.mark.parametrize("said", [b"{", {"_type": "encrypted", "data": "x"}, b"[1]"])
async def test_what_owntracks_says_unreadably_is_kept_and_done_with(
    door: Door, client: httpx.AsyncClient, said: object
) -> None:
    assert (await own(client, said)).status_code == 200
    [letter] = await door.letters()
    assert (letter.topic, letter.device) == ("POST /gateway/owntracks", APP.id)
    assert door.counted("owntracks", "dead_letter") == 1


async def test_owntracks_is_told_what_it_has_words_for(door: Door, client: httpx.AsyncClient) -> None:
    told: list[tuple[CommandKind, dict[str, str | int | float | bool | None]]] = [
        ("locate", {}),
        ("message", {"text": "dispatcher", "words": "call in"}),
        ("configure", {"fix_every_s": 5}),
        ("configure", {"fix_every_s": None}),
    ]
    for number, (kind, details) in enumerate(told):
        door.mailbox.owe(Command(id=str(number), device=APP.id, kind=kind, at_ms=1, details=details))
    expected = [
        {"_type": "cmd", "action": "reportLocation"},
        {
            "_type": "cmd",
            "action": "setConfiguration",
            "configuration": {"_type": "configuration", "monitoring": 2, "moveModeLocatorInterval": 5},
        },
        {
            "_type": "cmd",
            "action": "setConfiguration",
            "configuration": {"_type": "configuration", "monitoring": 1},
        },
    ]
    assert (await own(client, PLACE)).json() == expected
    # It says the same again: it never got the answer.
    assert (await own(client, PLACE)).json() == expected
    assert (await own(client, PLACE | {"tst": 1551874900})).json() == []


async def test_an_answer_is_never_200_for_what_is_not_durable(door: Door, client: httpx.AsyncClient) -> None:
    await door.log.close()
    problem(await own(client, PLACE), 503)
    problem(await client.get("/gateway/osmand", params=QUERY), 503)


async def test_what_is_too_large_of_owntracks_is_done_with(door: Door, client: httpx.AsyncClient) -> None:
    assert (await own(client, b" " * (Limits().payload_bytes + 1))).status_code == 200
    assert [letter.reason for letter in await door.letters()] == ["too_large"]
    assert door.counted("owntracks", "dead_letter") == 1


async def test_an_alarm_of_owntracks_that_is_too_large_is_raised_by_its_beginning(
    door: Door, client: httpx.AsyncClient
) -> None:
    large = json.dumps({"_type": "location", "poi": "SOS", "note": "x" * Limits().payload_bytes}).encode()
    assert (await own(client, large)).status_code == 200
    [alarm] = await door.alarms()
    assert isinstance(alarm.report, AlarmBase)
    letter = (await door.letters())[0]
    assert (letter.reason, letter.payload) == ("too_large", large[:HEAD_BYTES])
    assert letter.explanation.startswith(f"{len(large)} bytes: at most {Limits().payload_bytes} are taken")
    assert door.counted("owntracks", "admitted") == 1


async def test_a_stranger_with_owntracks(door: Door, client: httpx.AsyncClient) -> None:
    answer = await client.post("/gateway/owntracks", json=PLACE, headers=basic(APP.id, "wrong"))
    problem(answer, 401)
    assert await door.arrivals() == []


# ------------------------------------------------------------------------------ Traccar Client and OsmAnd


async def test_osmand_by_get(door: Door, client: httpx.AsyncClient) -> None:
    answer = await client.get("/gateway/osmand", params=QUERY)
    assert (answer.status_code, answer.json()) == (200, {"faults": []})
    assert {arrival.device for arrival in await door.arrivals()} == {CLIENT.id}


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (QUERY, b""),
        ({}, urlencode(QUERY).encode()),
        ({"id": IDENTITY}, urlencode({k: v for k, v in QUERY.items() if k != "id"}).encode()),
        ({}, json.dumps(BODY).encode()),
        ({"deviceid": IDENTITY}, json.dumps({"location": BODY["location"]}).encode()),
    ],
)
async def test_osmand_by_post(
    door: Door, client: httpx.AsyncClient, query: dict[str, str], body: bytes
) -> None:
    answer = await client.post("/gateway/osmand", params=query, content=body)
    assert (answer.status_code, answer.json()) == (200, {"faults": []})
    assert any(isinstance(arrival.report, Fix) for arrival in await door.arrivals())


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (QUERY | {"alarm": "sos"}, b""),
        ({"id": IDENTITY, "alarm": "sos"}, b""),
        ({"id": IDENTITY, "alarm": "sos", "timestamp": "0"}, b""),
        ({}, json.dumps({"device_id": IDENTITY, "location": {"alarm": "sos"}}).encode()),
        ({}, b'{"device_id": "%s", "alarm": "sos", "location": {"coords": ' % IDENTITY.encode()),
    ],
)
async def test_an_sos_counts_without_coordinates_with_an_old_time_and_broken_off(
    door: Door, client: httpx.AsyncClient, query: dict[str, str], body: bytes
) -> None:
    answer = await client.post("/gateway/osmand", params=query, content=body)
    assert answer.status_code == 200
    [alarm] = await door.alarms()
    assert isinstance(alarm.report, AlarmBase)


async def test_what_osmand_says_unreadably_is_kept_without_the_secret(
    door: Door, client: httpx.AsyncClient
) -> None:
    answer = await client.get("/gateway/osmand", params={"id": IDENTITY, "lat": "north", "lon": "1"})
    assert answer.status_code == 200
    assert answer.json()["faults"]
    letters = await door.letters()
    assert letters
    assert all(SECRET.encode() not in letter.payload for letter in letters)
    assert {letter.topic for letter in letters} == {"GET /gateway/osmand"}


@pytest.mark.parametrize(
    "id", ["", CLIENT.id, f"{CLIENT.id}~", f"{CLIENT.id}~wrong", f"nobody~{SECRET}", "~", "48241179"]
)
async def test_a_stranger_with_osmand(door: Door, client: httpx.AsyncClient, id: str) -> None:
    problem(await client.get("/gateway/osmand", params=QUERY | {"id": id}), 401)
    problem(await client.post("/gateway/osmand", json=BODY | {"device_id": id}), 401)
    assert await door.arrivals() == []
    assert {letter.reason for letter in await door.letters()} <= {"login_refused"}
    assert all(SECRET not in letter.explanation for letter in await door.letters())
    assert door.counted("osmand", "unauthorised") == 2


@pytest.mark.parametrize(
    ("query", "beginning"),
    [
        ({"id": IDENTITY}, "alarm=sos&note="),
        ({}, f"id={IDENTITY}&alarm=sos&note="),
        ({}, f'{{"device_id": "{IDENTITY}", "alarm": "sos", "note": "'),
    ],
)
async def test_an_alarm_of_osmand_that_is_too_large_is_raised_by_its_beginning(
    door: Door, client: httpx.AsyncClient, query: dict[str, str], beginning: str
) -> None:
    large = beginning.encode() + b"x" * MAX_FORM_BYTES
    answer = await client.post("/gateway/osmand", params=query, content=large)
    assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
    [alarm] = await door.alarms()
    assert (alarm.device, alarm.report.name) == (CLIENT.id, "panic_pressed")
    letters = await door.letters()
    assert letters[0].explanation.startswith(f"{len(large)} bytes: at most {MAX_FORM_BYTES} are taken")
    assert all(SECRET.encode() not in letter.payload for letter in letters)


async def test_what_is_cut_through_of_a_form_does_not_count(door: Door, client: httpx.AsyncClient) -> None:
    before = "lat=31.2&note=" + "x" * (HEAD_BYTES - 24) + "&lon=121.4737&note="
    large = before.encode() + b"x" * MAX_FORM_BYTES
    assert (await client.post("/gateway/osmand", params={"id": IDENTITY}, content=large)).status_code == 200
    assert [one.report.name for one in await door.arrivals()] == ["status_reported"]


async def test_osmand_reads_no_large_body_of_a_stranger(client: httpx.AsyncClient) -> None:
    problem(await client.post("/gateway/osmand", content=b"x" * (MAX_FORM_BYTES + 1)), 413)


async def test_a_slash_at_the_end_of_the_address_is_no_other_place(
    door: Door, client: httpx.AsyncClient
) -> None:
    said = [
        await client.post("/gateway/owntracks/", json=PLACE, headers=basic(APP.id)),
        await client.get("/gateway/osmand/", params=QUERY),
        await client.post("/gateway/osmand/", params={**QUERY, "alarm": "sos"}),
    ]
    assert [answer.status_code for answer in said] == [200] * 3
    arrivals = await door.arrivals()
    assert sum(isinstance(arrival.report, AlarmBase) for arrival in arrivals) == 1
    assert {arrival.device for arrival in arrivals} == {APP.id, CLIENT.id}
