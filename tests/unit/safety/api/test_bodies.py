"""Bodies: what is no JSON in UTF-8 is refused at every door, and nothing of it is stored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import HTTPException, Request

from safety.api.bodies import refuse_unreadable
from safety.store.tables import commands
from tests.support.calls import Call, calls
from tests.support.dispatch import PASSWORD, Dispatch

JSON = {"Content-Type": "application/json"}
# What a lax reader makes into a value of the type, or takes for one.
TAKEN_FOR: dict[str, tuple[object, ...]] = {
    "number": (True, "60"),
    "integer": (True, "60", 1.5),
    "boolean": ("yes", 0),
    "string": (1.5, True),
    "array": ("a", {}),
    "object": ("a", []),
}
HALF = r'"\ud800"'
AS_BYTES = b'"\xed\xa0\x80"'


def bringing(dispatch: Dispatch) -> Iterator[Call]:
    """Every route that takes a body."""
    return (call for call in calls(dispatch, dispatch.ours) if call.body is not None)


@pytest.mark.parametrize(
    "half", [HALF.encode(), AS_BYTES, b'"x\\udc00"', b'{"\\udfff": 1}', b"NaN", b"1e400"]
)
async def test_half_a_character_is_refused_in_every_field_of_every_body(
    dispatch: Dispatch, half: bytes
) -> None:
    seen = 0
    async with dispatch.client(dispatch.ours, "admin") as client:
        for call in bringing(dispatch):
            assert call.body is not None
            for field in [*call.body, "other"]:
                whole = json.dumps({**call.body, field: "HERE"}).encode()
                content = whole.replace(b'"HERE"', half)
                answer = await client.request(call.method, call.path, content=content, headers=JSON)
                assert answer.status_code == 422, (call, field, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["detail"].startswith("the body is no JSON in UTF-8: ")
                assert [error["field"] for error in answer.json()["errors"]] == ["body"]
                seen += 1
    assert seen > 50


async def test_no_device_is_told_half_a_character(dispatch: Dispatch) -> None:
    path = f"/api/v1/devices/{dispatch.ours.device}/commands"
    async with dispatch.client(dispatch.ours) as client:
        for text in (HALF.encode(), AS_BYTES):
            content = b'{"kind":"message","text":' + text + b"}"
            assert (await client.post(path, content=content, headers=JSON)).status_code == 422
        shown = await client.get(path)
    assert shown.status_code == 200
    with dispatch.database.reading() as connection:
        stored = connection.execute(commands.select().where(commands.c.kind == "message")).all()
    assert stored == []


def types_of(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a field may have."""
    if "$ref" in schema:
        return {"object"}
    return set().union(*map(types_of, schema["anyOf"])) if "anyOf" in schema else {schema["type"]}


async def test_a_value_of_another_type_is_refused_in_every_field_of_every_body(dispatch: Dispatch) -> None:
    models = dispatch.app.openapi()["components"]["schemas"]
    seen = 0
    async with dispatch.client(dispatch.ours, "admin") as client:
        for call in bringing(dispatch):
            assert call.body is not None
            content = call.operation.get("requestBody", {}).get("content", {})
            if not content:
                continue
            model = models[content["application/json"]["schema"]["$ref"].rpartition("/")[2]]
            for field, schema in model["properties"].items():
                types = types_of(schema) - {"null"}
                for wrong in TAKEN_FOR[types.pop()] if len(types) == 1 else (True, 1.5):
                    answer = await client.request(call.method, call.path, json={**call.body, field: wrong})
                    assert answer.status_code == 422, (call, field, wrong, answer.text)
                    assert {error["field"].partition(".")[0] for error in answer.json()["errors"]} == {field}
                    seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'"\xff"', "it holds bytes that are no characters"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"version": ' + b"9" * 5000 + b"}", "it holds a number with too many digits"),
        (b'{"version": 1, "note": "\\ud800\\u0041"}', "invalid utf-16 surrogate pair"),
    ],
)
async def test_what_cannot_even_be_parsed_is_a_422_too(
    dispatch: Dispatch, content: bytes, reason: str
) -> None:
    path = f"/api/v1/alerts/{dispatch.ours.alert}/acknowledge"
    async with dispatch.client(dispatch.ours) as client:
        answer = await client.post(path, content=content, headers=JSON)
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize("declared", [None, "application/x-www-form-urlencoded", "text/plain"])
async def test_json_that_does_not_say_so_is_told_how_to(dispatch: Dispatch, declared: str | None) -> None:
    login = dispatch.ours.logins["dispatcher"]
    content = json.dumps({"username": login, "password": PASSWORD}).encode()
    headers = {"Content-Type": declared} if declared else {}
    async with dispatch.client() as client:
        answer = await client.post("/api/v1/session", content=content, headers=headers)
    assert answer.status_code == 422
    assert "send it with Content-Type: application/json" in answer.json()["detail"]
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]
    assert PASSWORD not in answer.text


async def test_what_is_no_object_is_told_in_words_of_json(dispatch: Dispatch) -> None:
    async with dispatch.client() as client:
        answer = await client.post("/api/v1/session", json=["admin"])
    assert (answer.status_code, answer.json()["detail"]) == (422, "body: Input should be a valid object")


async def test_nobody_logs_in_with_half_a_character_and_none_of_it_is_repeated(dispatch: Dispatch) -> None:
    content = b'{"username": "secret-name", "password": "secret-word\\ud800"}'
    async with dispatch.client() as client:
        answer = await client.post("/api/v1/session", content=content, headers=JSON)
    assert answer.status_code == 422
    assert "secret" not in answer.text


async def test_whole_characters_get_through_however_they_are_written(dispatch: Dispatch) -> None:
    login = dispatch.ours.logins["dispatcher"]
    credentials = json.dumps({"username": login, "password": PASSWORD}).encode()
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        escaped = await client.post(
            "/api/v1/nurses", content=rb'{"name":"\ud83d\ude00 \u738b"}', headers=JSON
        )
        marked = await client.post("/api/v1/session", content=b"\xef\xbb\xbf" + credentials, headers=JSON)
        bare = await client.post(f"/api/v1/devices/{dispatch.ours.device}/rotate")
    assert (escaped.status_code, escaped.json()["name"]) == (201, "😀 王")
    assert (marked.status_code, bare.status_code) == (200, 200)


async def test_a_body_that_breaks_off_is_no_fault_of_ours() -> None:
    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, gone)
    with pytest.raises(HTTPException) as refused:
        await refuse_unreadable(request)
    assert refused.value.status_code == 400
