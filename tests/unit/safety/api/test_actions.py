"""What people do with alerts: who may, in which order, and what the one who comes second is told."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from safety.store.alerts import raise_alert
from safety.store.audit import verify_audit
from safety.store.tables import audit, commands, timeline
from tests.support.dispatch import Dispatch, alarm


async def do(client: httpx.AsyncClient, alert: str, action: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/v1/alerts/{alert}/{action}", json=body)


async def test_an_alert_from_raised_to_resolved(dispatch: Dispatch) -> None:
    ours, alert = dispatch.ours, dispatch.ours.alert
    me, other = ours.logins["dispatcher"], ours.logins["supervisor"]
    steps: list[tuple[str, dict[str, Any], str, str]] = [
        ("acknowledge", {}, "acknowledged", me),
        ("assign", {"user": other}, "acknowledged", other),
        ("dispatch", {"responder": ours.responder, "note": "by car"}, "dispatched", other),
        ("note", {"text": "she answers the phone"}, "dispatched", other),
        ("verify", {"level": 3, "text": "heard a scream"}, "dispatched", other),
        ("verify", {}, "dispatched", other),
        ("arrive", {}, "on_scene", other),
        ("resolve", {"reason": "assisted", "note": "all well"}, "resolved", other),
    ]
    async with dispatch.client(ours) as client:
        version = 1
        for action, body, state, owner in steps:
            answer = await do(client, alert, action, version=version, **body)
            assert answer.status_code == 200, answer.text
            shown = answer.json()
            # A note is no reason to refuse what somebody else is about to do.
            version += action != "note"
            assert (shown["state"], shown["owner"], shown["version"]) == (state, owner, version)
    assert shown["resolution"] == "assisted"
    assert shown["escalates_at"] is None
    assert [(entry["what"], entry["actor"], entry["detail"]) for entry in shown["timeline"]][1:] == [
        ("acknowledged", me, {}),
        ("assigned", me, {"user": other}),
        ("dispatched", me, {"responder": ours.responder, "note": "by car"}),
        ("note", me, {"text": "she answers the phone"}),
        ("verified", me, {"level": 3, "text": "heard a scream"}),
        ("verified", me, {}),
        ("on_scene", me, {}),
        ("resolved", me, {"reason": "assisted", "note": "all well"}),
    ]


async def test_every_action_is_on_the_audit_trail(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        await do(client, dispatch.ours.alert, "acknowledge", version=1)
        await do(client, dispatch.ours.alert, "note", text="hello")
        await do(client, dispatch.ours.alert, "acknowledge", version=1)  # refused: leaves nothing
    with dispatch.database.reading() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(2)).all()
        assert verify_audit(connection) is None
    me = dispatch.ours.logins["dispatcher"]
    found = [(row.action, row.actor, row.subject, row.org) for row in reversed(rows)]
    assert found == [
        (action, me, dispatch.ours.alert, dispatch.ours.org) for action in ("alert_acknowledge", "alert_note")
    ]


async def test_acknowledging_and_closing_are_owed_to_the_device(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        await do(client, dispatch.ours.alert, "acknowledge", version=1)
        await do(client, dispatch.ours.alert, "resolve", version=2, reason="false_alarm")
    with dispatch.database.reading() as connection:
        owed = select(commands.c.kind).where(commands.c.device == dispatch.ours.device)
        kinds = set(connection.execute(owed).scalars())
    assert {"alarm_acknowledged", "alarm_closed"} <= kinds


async def test_the_second_is_told_who_was_first(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    async with dispatch.client(ours, "supervisor") as first, dispatch.client(ours) as second:
        taken = await do(first, ours.alert, "acknowledge", version=1)
        dispatch.clock.advance_s(5)
        answer = await do(second, ours.alert, "acknowledge", version=1)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["by"]) == (409, ours.logins["supervisor"])
    assert problem["at"] == taken.json()["timeline"][-1]["at"]
    assert (problem["current"]["state"], problem["current"]["version"]) == ("acknowledged", 2)


async def test_whoever_is_overtaken_by_the_nurse_herself_is_told_of_nobody(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    async with dispatch.client(ours, "supervisor") as first, dispatch.client(ours) as second:
        await do(first, ours.alert, "acknowledge", version=1)
        dispatch.clock.advance_s(5)
        press_again(dispatch, "second press")
        problem = (await do(second, ours.alert, "dispatch", version=2)).json()
        pressed = problem["current"]
        assert (problem["by"], pressed["state"], pressed["version"]) == (None, "raised", 3)
        timeline = (await second.get(f"/api/v1/alerts/{ours.alert}")).json()["timeline"]
        assert (timeline[-1]["what"], timeline[-1]["at"]) == ("pressed_again", problem["at"])
        # A press that found it raised changed nothing that she had to know of.
        await do(first, ours.alert, "assign", version=3)
        press_again(dispatch, "third press")
        problem = (await do(second, ours.alert, "dispatch", version=3)).json()
        assert (problem["by"], problem["current"]["version"]) == (ours.logins["supervisor"], 4)


def press_again(dispatch: Dispatch, cause: str) -> None:
    now_ms = dispatch.clock.now_ms()
    pressed = msgspec.structs.replace(alarm(dispatch.ours, cause, now_ms), merges="nurse")
    with dispatch.database.writing() as connection:
        raise_alert(connection, pressed, now_ms)


async def test_an_action_that_comes_too_late_says_so_whatever_the_version(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    async with dispatch.client(ours) as client:
        await do(client, ours.alert, "dispatch", version=1)
        answer = await do(client, ours.alert, "acknowledge", version=2)
        assert (answer.status_code, answer.json()["by"]) == (409, ours.logins["dispatcher"])
        assert answer.json()["detail"] == "the alert is already dispatched"
        await do(client, ours.alert, "resolve", version=2, reason="police")
        assert (await do(client, ours.alert, "arrive", version=3)).status_code == 409
        # What is learnt later can still be written down.
        assert (await do(client, ours.alert, "note", text="report filed")).status_code == 200


async def test_of_many_at_once_exactly_one_wins(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    tokens = [dispatch.token(ours, role) for role in ("dispatcher", "supervisor", "admin")] * 3

    async def attempt(token: str) -> int:
        async with dispatch.client() as client:
            client.headers["Authorization"] = f"Bearer {token}"
            return (await do(client, ours.alert, "acknowledge", version=1)).status_code

    with ThreadPoolExecutor(len(tokens)) as threads:
        statuses = list(threads.map(lambda token: asyncio.run(attempt(token)), tokens))
    assert sorted(statuses) == [200] + [409] * (len(tokens) - 1)
    with dispatch.database.reading() as connection:
        entries = select(timeline.c.what).where(timeline.c.alert == ours.alert)
        assert list(connection.execute(entries).scalars()) == ["raised", "acknowledged"]


@pytest.mark.parametrize(
    ("action", "body", "named"),
    [
        ("acknowledge", {}, "version"),
        ("acknowledge", {"version": "1"}, "version"),
        ("acknowledge", {"version": 0}, "version"),
        ("resolve", {"version": 1}, "reason"),
        ("resolve", {"version": 1, "reason": "tired"}, "reason"),
        ("verify", {"version": 1, "level": 5}, "level"),
        ("verify", {"version": 1, "level": "high"}, "level"),
        ("note", {}, "text"),
        ("note", {"text": ""}, "text"),
        ("note", {"text": "x" * 4001}, "text"),
        ("assign", {"version": 1, "user": "nobody"}, "user"),
        ("assign", {"version": 1, "user": "auditor@ours"}, "user"),
        ("assign", {"version": 1, "user": "dispatcher@theirs"}, "user"),
        ("assign", {"version": 1, "user": "dispatcher@child"}, "user"),
        ("assign", {"version": 1, "responder": "rsp_none"}, "responder"),
        ("assign", {"version": 1, "user": "dispatcher@ours", "responder": "rsp_none"}, "responder"),
        ("dispatch", {"version": 1, "responder": "rsp_none"}, "responder"),
        ("note", {"text": " \n\t"}, "text"),
        ("note", {"note": " "}, "text"),
        ("note", {"text": "a\x00b"}, "text"),
        ("note", {"text": "a\x1b[2Jb"}, "text"),
        ("acknowledge", {"version": 1, "note": "a\x00b"}, "note"),
        ("assign", {"version": 1, "note": "a\x07b"}, "note"),
        ("dispatch", {"version": 1, "note": "a\x0cb"}, "note"),
        ("arrive", {"version": 1, "note": "a\x7fb"}, "note"),
        ("verify", {"version": 1, "text": "a\x9bb"}, "text"),
        ("verify", {"version": 1, "note": "a\x00b"}, "note"),
        ("resolve", {"version": 1, "reason": "test", "note": "a\x00b"}, "note"),
    ],
)
async def test_what_cannot_be_is_named_and_changes_nothing(
    dispatch: Dispatch, action: str, body: dict[str, Any], named: str
) -> None:
    async with dispatch.client(dispatch.ours) as client:
        answer = await do(client, dispatch.ours.alert, action, **body)
        assert answer.status_code == 422
        assert named in answer.json()["detail"]
        assert [error["field"] for error in answer.json()["errors"]] == [named]
        now = (await client.get(f"/api/v1/alerts/{dispatch.ours.alert}")).json()
    assert (now["state"], now["version"], len(now["timeline"])) == ("raised", 1, 1)


async def test_nobody_is_kept_from_one_of_two_whom_they_name(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    both = {"user": ours.logins["supervisor"], "responder": ours.responder}
    async with dispatch.client(ours) as client:
        refused = await do(client, ours.alert, "assign", version=1, **both)
        assert refused.status_code == 422
        assert refused.json()["detail"] == "user and responder are both given: expected one of them"
        taken = await do(client, ours.alert, "assign", version=1, user=None, responder=ours.responder)
    assert taken.json()["owner"] == ours.responder


async def test_a_note_may_have_lines_and_a_blank_one_besides_is_none(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        noted = await do(client, dispatch.ours.alert, "note", text=" door:\r\n\tlocked\n")
        assert noted.json()["timeline"][-1]["detail"] == {"text": "door:\r\n\tlocked"}
        taken = await do(client, dispatch.ours.alert, "acknowledge", version=1, note=" ")
        assert taken.json()["timeline"][-1]["detail"] == {}


async def test_the_version_grows_with_every_action_but_a_note(dispatch: Dispatch) -> None:
    me, alert = dispatch.ours.logins["dispatcher"], dispatch.ours.alert
    steps: list[tuple[str, dict[str, Any]]] = [
        ("assign", {"user": me}),
        ("assign", {"user": me}),
        ("verify", {"level": 1}),
    ]
    seen = []
    async with dispatch.client(dispatch.ours) as client:
        for version, (action, body) in enumerate(steps, 1):
            seen.append((await do(client, alert, action, version=version, **body)).json()["version"])
        seen.append((await do(client, alert, "note", text="hello")).json()["version"])
    assert seen == [2, 3, 4, 4]


async def test_what_we_do_not_know_is_ignored_in_an_emergency(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        answer = await do(client, dispatch.ours.alert, "acknowledge", version=1, eta_s=90, note="on it")
    assert answer.status_code == 200
    assert answer.json()["timeline"][-1]["detail"] == {"note": "on it"}


async def test_a_childs_alert_goes_to_its_parents_people_but_not_the_other_way(dispatch: Dispatch) -> None:
    child, ours = dispatch.child, dispatch.ours
    async with dispatch.client(ours) as client:
        by_parent = await do(client, child.alert, "assign", version=1, user=ours.logins["supervisor"])
        assert by_parent.status_code == 200
        sent = await do(client, child.alert, "dispatch", version=2, responder=ours.responder)
        assert sent.status_code == 200
        refused = await do(client, ours.alert, "dispatch", version=1, responder=child.responder)
        assert refused.status_code == 422
        foreign = await do(client, ours.alert, "dispatch", version=1, responder=dispatch.theirs.responder)
        missing = await do(client, ours.alert, "dispatch", version=1, responder="rsp_none")
    assert foreign.status_code == missing.status_code == 422
    assert foreign.json()["detail"].replace(dispatch.theirs.responder, "rsp_none") == missing.json()["detail"]


async def test_assigning_nobody_takes_it_oneself(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        answer = await do(client, dispatch.ours.alert, "assign", version=1)
    assert answer.json()["owner"] == dispatch.ours.logins["dispatcher"]


async def test_an_auditor_only_looks(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "auditor") as client:
        for action in ("acknowledge", "assign", "dispatch", "arrive", "note", "verify", "resolve"):
            body = {"version": 1, "text": "x", "level": 1, "reason": "test"}
            answer = await do(client, dispatch.ours.alert, action, **body)
            assert answer.status_code == 403
            assert "auditor" in answer.json()["detail"]
