"""Who sees what: every route that exists is walked as a stranger, as nobody, and as its owner.

The routes are taken from the application itself, so that a new one takes part by itself: it fails here
until it is scoped, or until this walk has been taught what to send it.
"""

import json
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import TypeAdapter
from sqlalchemy import select

from safety.api import live
from safety.api.application import NOUNS, PREFIX
from safety.api.openapi import PROBLEM_TYPE
from safety.store.tables import metadata
from tests.support.calls import OWN, Call, calls
from tests.support.dispatch import ROLES, Dispatch, House


def contents(dispatch: Dispatch) -> dict[str, str]:
    """All that is stored, as text by table; without what a stranger's own calls leave behind."""
    with dispatch.database.reading() as connection:
        return {
            table.name: repr(sorted(map(repr, connection.execute(select(table)))))
            for table in metadata.sorted_tables
            if table.name not in {"sessions", "audit"}
        }


def marks_in(text: str, *houses: House) -> list[str]:
    return [mark for house in houses for mark in house.marks() if mark in text]


@pytest.mark.parametrize("role", ROLES)
async def test_a_stranger_sees_nothing_and_changes_nothing(dispatch: Dispatch, role: str) -> None:
    before = contents(dispatch)
    async with dispatch.client(dispatch.theirs, role) as client:
        for call in calls(dispatch, dispatch.ours):
            if (call.method, call.template) in OWN:
                continue
            answer = await call.by(client)
            shown = answer.text.replace(call.path.rsplit("/", 2)[-1], "")
            if call.names_something or call.method == "post":
                assert answer.status_code in {403, 404}, (call, answer.text)
                # The id that was asked for may be named; that it exists may not.
                asked = set(call.path.split("/")) | set(map(str, (call.body or {}).values()))
                leaks = set(marks_in(shown, dispatch.ours)) - asked
            else:
                assert answer.status_code in {200, 403}, (call, answer.text)
                leaks = set(marks_in(shown, dispatch.ours, dispatch.child))
            assert not leaks, (call, answer.text)
    assert contents(dispatch) == before


async def test_what_is_a_strangers_and_what_is_not_there_is_answered_alike(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.theirs, "admin") as client:
        for call in calls(dispatch, dispatch.ours):
            if not call.names_something:
                continue
            theirs = await call.by(client)
            missing = Call(call.method, call.template, call.operation, _renamed(dispatch.ours))
            nothing = await missing.by(client)
            assert theirs.status_code == nothing.status_code == 404, call
            asked, unasked = (path.split("/")[4] for path in (call.path, missing.path))
            assert theirs.json()["detail"].replace(asked, "ID") == nothing.json()["detail"].replace(
                unasked, "ID"
            )


def _renamed(house: House) -> House:
    gone = msgspec.structs.replace(house, users={role: f"{user}x" for role, user in house.users.items()})
    for name, value in msgspec.structs.asdict(house).items():
        if isinstance(value, str):
            setattr(gone, name, f"{value}x")
    return gone


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("/alerts", ("org", "nurse")),
        ("/visits", ("nurse",)),
        ("/dead-letters", ("device",)),
        ("/audit", ("subject",)),
    ],
)
async def test_no_filter_opens_what_is_closed(
    dispatch: Dispatch, path: str, filters: tuple[str, ...]
) -> None:
    ours = dispatch.ours
    values = {"org": ours.org, "nurse": ours.nurse, "device": ours.device, "subject": ours.org}
    async with dispatch.client(dispatch.theirs, "admin") as client:
        for name in filters:
            answer = await client.get(PREFIX + path, params={name: values[name]})
            assert answer.json() == {"items": [], "next": None}


async def test_a_child_organisation_does_not_see_its_parent(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.child, "admin") as client:
        for call in calls(dispatch, dispatch.ours):
            if (call.method, call.template) not in OWN and call.method == "get":
                answer = await call.by(client)
                assert answer.status_code == (404 if call.names_something else 200), call
                if not call.names_something:
                    # Its own organisation names its parent: that is all there is to see.
                    text = answer.text.replace(f'"parent":"{dispatch.ours.org}"', "")
                    text = text.replace(f'{{"parent":"{dispatch.ours.org}"}}', "")
                    assert not marks_in(text, dispatch.ours), (call, answer.text)


async def test_nobody_gets_in_anywhere(dispatch: Dispatch) -> None:
    async with dispatch.client() as client:
        for call in calls(dispatch, dispatch.ours):
            for headers in (
                {},
                {"Authorization": "Bearer x"},
                {"Authorization": "Basic eDp4"},
                {"Cookie": "vigil_session=x"},
            ):
                client.headers = httpx.Headers(headers)
                answer = await call.by(client)
                assert answer.status_code == 401, (call, answer.text)
                assert answer.headers["content-type"] == PROBLEM_TYPE
                assert "bearer" in answer.headers["www-authenticate"].lower()


async def test_the_owner_sees_what_is_theirs_in_the_documented_shape(dispatch: Dispatch) -> None:
    """The walk is not vacuous: each reading route shows the owner something, and as its schema says."""
    seen_lists = 0
    schemas = dispatch.app.openapi()["components"]["schemas"]
    async with dispatch.client(dispatch.ours, "admin") as client:
        for call in calls(dispatch, dispatch.ours):
            if call.method != "get":
                continue
            answer = await call.by(client)
            assert answer.status_code == 200, (call, answer.text)
            if (call.method, call.template) not in OWN:
                assert marks_in(answer.text, dispatch.ours), (call, answer.text)
                seen_lists += 1
            _check_shape(dispatch, call, answer, schemas)
    assert seen_lists >= 20


def _check_shape(dispatch: Dispatch, call: Call, answer: httpx.Response, schemas: dict[str, Any]) -> None:
    content = dispatch.app.openapi()["paths"][call.template][call.method]["responses"]["200"]["content"]
    kind = answer.headers["content-type"]
    name = content[kind]["schema"]["$ref"].rsplit("/", 1)[1]
    assert name in schemas
    TypeAdapter(_model(name)).validate_json(json.dumps(answer.json()))


def _model(name: str) -> Any:
    from safety.api import schemas as models

    if name.startswith("Page_"):
        return models.Page[getattr(models, name.removeprefix("Page_").removesuffix("_"))]  # type: ignore[misc]  # by name
    return getattr(models, name)


def test_the_live_feed_is_the_only_websocket() -> None:
    """Its tenancy is tested on a real server; another one would have to be too."""
    websockets = [route for noun in NOUNS for route in noun.router.routes if not hasattr(route, "methods")]
    assert websockets == live.router.routes
    assert [route.path for route in live.router.routes] == ["/live"]  # type: ignore[attr-defined]  # a route has one


async def test_the_document_is_also_where_tools_look_for_it(dispatch: Dispatch) -> None:
    async with dispatch.client(None) as client:
        answer = await client.get("/openapi.json")
    assert answer.json() == dispatch.app.openapi()


def test_operations_have_names_of_their_own(dispatch: Dispatch) -> None:
    document = dispatch.app.openapi()
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert sorted(names) == sorted(set(names))
