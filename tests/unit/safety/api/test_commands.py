"""Commands over HTTP: who may have a device told what, and what is said of it afterwards."""

from typing import Any

import pytest
from sqlalchemy import select

from safety.store.deliveries import Came, note_answers
from safety.store.outbox import OwedCommand, command_of, record_command_sent
from safety.store.tables import audit, commands
from tests.support.dispatch import Dispatch


async def tell(dispatch: Dispatch, role: str, **body: Any) -> Any:
    async with dispatch.client(dispatch.ours, role) as client:
        path = f"/api/v1/devices/{dispatch.ours.device}/commands"
        return await client.post(path, json=body)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("auditor", set()),
        ("dispatcher", {"locate", "message", "resend"}),
        ("supervisor", {"locate", "message", "resend", "configure"}),
    ],
)
async def test_each_role_has_a_device_told_what_it_may(
    dispatch: Dispatch, role: str, allowed: set[str]
) -> None:
    bodies: dict[str, dict[str, object]] = {
        "locate": {},
        "message": {"text": "  请回电  "},
        "resend": {"first_seq": 10, "last_seq": 19},
        "configure": {"fix_every_s": 10},
    }
    for kind, body in bodies.items():
        answer = await tell(dispatch, role, kind=kind, **body)
        assert answer.status_code == (201 if kind in allowed else 403), kind
        if kind in allowed:
            told = answer.json()
            assert (told["kind"], told["state"], told["attempts"]) == (kind, "queued", 0)
    with dispatch.database.reading() as connection:
        trail = connection.execute(select(audit).where(audit.c.action.in_([f"device_{k}" for k in bodies])))
        records = list(trail)
    assert {record.action for record in records} == {f"device_{kind}" for kind in allowed}
    assert "请回电" not in str([record.detail for record in records])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kind": "message", "text": "a\x00b"}, "text"),
        ({"kind": "message", "text": None}, "text"),
        ({"kind": "message", "text": "x" * 501}, "text"),
        ({"kind": "locate", "text": "x"}, "text"),
        ({"kind": "configure"}, "fix_every_s"),
        ({"kind": "configure", "fix_every_s": 0.5}, "fix_every_s"),
        ({"kind": "resend", "last_seq": 5}, "first_seq"),
        ({"kind": "resend", "first_seq": 5, "last_seq": 4}, "last_seq"),
        ({"kind": "locate", "ttl_s": 0}, "ttl_s"),
    ],
)
async def test_the_field_at_fault_is_named(dispatch: Dispatch, body: dict[str, Any], named: str) -> None:
    answer = await tell(dispatch, "supervisor", **body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [named]


async def test_a_message_may_have_lines(dispatch: Dispatch) -> None:
    told = await tell(dispatch, "dispatcher", kind="message", text="Please call:\n\tthe centre\n")
    assert told.json()["details"]["words"] == "Please call:\n\tthe centre"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "alarm_received"}, "kind"),
        ({"kind": "locate", "text": "x"}, "text"),
        ({"kind": "message"}, "text"),
        ({"kind": "message", "text": " "}, "text"),
        ({"kind": "message", "text": "x" * 501}, "text"),
        ({"kind": "configure"}, "fix_every_s"),
        ({"kind": "configure", "fix_every_s": 0.5}, "fix_every_s"),
        ({"kind": "configure", "fix_every_s": "5"}, "fix_every_s"),
        ({"kind": "resend", "first_seq": 5}, "last_seq"),
        ({"kind": "resend", "first_seq": 5, "last_seq": 4}, "5 to 4"),
        ({"kind": "resend", "first_seq": 0, "last_seq": 1000}, "1000"),
        ({"kind": "locate", "ttl_s": 0}, "ttl_s"),
        ({"kind": "locate", "beep": True}, "beep"),
    ],
)
async def test_what_cannot_be_told_is_refused(dispatch: Dispatch, body: dict[str, Any], said: str) -> None:
    answer = await tell(dispatch, "supervisor", **body)
    assert answer.status_code == 422
    assert said in answer.text


async def test_anothers_device_does_not_exist(dispatch: Dispatch) -> None:
    device = dispatch.theirs.device
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        path = f"/api/v1/devices/{device}/commands"
        assert (await client.get(path)).status_code == 404
        assert (await client.post(path, json={"kind": "locate"})).status_code == 404


async def test_a_command_is_followed_from_the_queue_to_the_answer(dispatch: Dispatch) -> None:
    located = (await tell(dispatch, "dispatcher", kind="locate")).json()
    said = (await tell(dispatch, "dispatcher", kind="message", text="call us", ttl_s=60)).json()
    path = f"/api/v1/devices/{located['device']}/commands"
    now_ms = dispatch.clock.now_ms()
    with dispatch.database.writing() as connection:
        for row in connection.execute(select(commands)).all():
            record_command_sent(connection, OwedCommand(command_of(row), 0, row.expires_ms), now_ms)

    async def states() -> dict[str, str]:
        async with dispatch.client(dispatch.ours, "auditor") as client:
            items = (await client.get(path)).json()["items"]
        return {item["id"]: item["state"] for item in items if item["id"] in {located["id"], said["id"]}}

    assert await states() == {located["id"]: "accepted", said["id"]: "accepted"}
    with dispatch.database.writing() as connection:
        note_answers(connection, [Came(located["device"], now_ms - 1, newest=True)], now_ms)
    assert (await states())[located["id"]] == "accepted", "that fix was there before"
    with dispatch.database.writing() as connection:
        note_answers(connection, [Came(located["device"], now_ms + 900, newest=True)], now_ms + 900)
    assert await states() == {located["id"]: "answered", said["id"]: "accepted"}
    dispatch.clock.advance_s(3600)
    assert await states() == {located["id"]: "answered", said["id"]: "accepted"}


async def test_what_nobody_answered_in_time_has_expired(dispatch: Dispatch) -> None:
    located = (await tell(dispatch, "dispatcher", kind="locate", ttl_s=30)).json()
    dispatch.clock.advance_s(31)
    async with dispatch.client(dispatch.ours, "dispatcher") as client:
        page = (await client.get(f"/api/v1/devices/{located['device']}/commands?limit=1")).json()
    assert [(item["id"], item["state"]) for item in page["items"]] == [(located["id"], "expired")]
