"""Deliveries in the store, on each database: what waits, what is taken, and what became of it."""

from typing import Any

import pytest
from sqlalchemy import Connection, select

from safety.domain.alert import Action
from safety.errors import InvalidInput, NotFound
from safety.rules.effects import HearDevice, RaiseAlert
from safety.store.alerts import act, raise_alert
from safety.store.audit import verify_audit
from safety.store.deliveries import Came, list_deliveries, note_answers, read_delivery, state_of
from safety.store.effects import store_effects
from safety.store.fleet import hand_device, register_device, withdraw_device
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.outbox import next_command_ms, record_command_sent, take_due_commands
from safety.store.pace import quicken
from safety.store.queries import Page, Scope
from safety.store.requests import ask_device
from safety.store.tables import commands
from tests.support.changes import BY

NOW_MS = 1_795_000_000_000


@pytest.fixture
def phone(connection: Connection, nurse: str) -> str:
    return register_device(connection, kind="phone", nurse=nurse, **BY)[0].id


def ask(connection: Connection, device: str, kind: str, at_ms: int = NOW_MS, **given: Any) -> str:
    return ask_device(connection, device, kind, given, actor="anna", at_ms=at_ms)


def states(connection: Connection, org: str, device: str, now_ms: int = NOW_MS) -> list[tuple[str, str]]:
    rows = list_deliveries(connection, Scope(org), device, Page()).rows
    return [(row.kind, state_of(row, now_ms)) for row in rows]


def test_from_the_queue_to_the_answer(connection: Connection, org: str, phone: str) -> None:
    place = ask(connection, phone, "locate")
    lost = ask(connection, phone, "resend", NOW_MS + 1, first_seq=3, last_seq=4)
    assert next_command_ms(connection, NOW_MS + 1) == NOW_MS
    taken = take_due_commands(connection, NOW_MS + 1, limit=9, lease_until_ms=NOW_MS + 9_000)
    assert [owed.command.id for owed in taken[phone]] == [place, lost]
    assert [owed.command.codec for owed in taken[phone]] == ["native", "native"]
    assert take_due_commands(connection, NOW_MS + 1, limit=9) == {}
    for owed in taken[phone]:
        record_command_sent(connection, owed, NOW_MS + 2)
    assert states(connection, org, phone) == [("resend", "accepted"), ("locate", "accepted")]
    note_answers(connection, [Came(phone, NOW_MS + 50, True, 9)], NOW_MS + 50)
    note_answers(connection, [Came(phone, NOW_MS + 60, False, 4)], NOW_MS + 60)
    assert states(connection, org, phone) == [("resend", "answered"), ("locate", "answered")]
    assert read_delivery(connection, Scope(org), place).answered_ms == NOW_MS + 50
    other = add_org(connection, name="Elsewhere", **BY)
    with pytest.raises(NotFound):
        read_delivery(connection, Scope(other), place)
    assert list_deliveries(connection, Scope(other), phone, Page()).rows == []
    assert verify_audit(connection) is None


def test_it_waits_until_the_device_is_back(connection: Connection, org: str, phone: str) -> None:
    store_effects(connection, [HearDevice(phone, NOW_MS, online=False)], NOW_MS)
    ask(connection, phone, "message", text="call us")
    assert next_command_ms(connection, NOW_MS) is None
    assert take_due_commands(connection, NOW_MS, limit=9) == {}
    assert states(connection, org, phone) == [("message", "queued")]
    later_ms = NOW_MS + 3_600_000
    assert list(take_due_commands(connection, later_ms, limit=9)) == [phone], "to be given up"
    assert states(connection, org, phone, later_ms) == [("message", "expired")]
    store_effects(connection, [HearDevice(phone, NOW_MS + 5, online=True)], NOW_MS + 5)
    assert list(take_due_commands(connection, NOW_MS + 5, limit=9)) == [phone]


def test_the_pace_follows_her_alerts(connection: Connection, org: str, nurse: str, phone: str) -> None:
    def paces() -> list[Any]:
        told = select(commands.c.body).where(commands.c.kind == "configure").order_by(commands.c.created_ms)
        return [body["details"]["fix_every_s"] for body in connection.execute(told).scalars()]

    def press(number: int) -> str:
        at_ms = NOW_MS + number
        raised = RaiseAlert(
            id=f"alert-{number}",
            kind="fall",
            severity="critical",
            org=org,
            nurse=nurse,
            device=phone,
            occurred_ms=at_ms,
            received_ms=at_ms,
            source_event=str(number),
        )
        raise_alert(connection, raised, at_ms)
        quicken(connection, [raised.id], at_ms)
        return raised.id

    def does(alert: str, action: Action, at_ms: int, **detail: Any) -> None:
        act(connection, alert, action, actor="anna", version=None, detail=detail, at_ms=at_ms)

    first, second = press(1), press(2)
    assert paces() == [5.0]
    does(first, "resolve", NOW_MS + 10, reason="assisted", incident=True)
    assert paces() == [5.0, None]
    assert connection.execute(select(commands.c.id).where(commands.c.kind == "alarm_closed")).all()
    press(30)
    assert paces() == [5.0, None, 5.0]
    assert second
    calm = add_nurse(connection, org=org, name="Wang Fang", **BY)
    hand_device(connection, phone, calm, actor="anna", at_ms=NOW_MS + 40)
    assert paces() == [5.0, None, 5.0, None], "it is no longer hers"
    hand_device(connection, phone, nurse, actor="anna", at_ms=NOW_MS + 50)
    assert paces() == [5.0, None, 5.0, None, 5.0], "and hers again"


def test_what_can_hear_nothing_is_not_asked(connection: Connection, nurse: str, phone: str) -> None:
    deaf = register_device(
        connection, kind="button", nurse=nurse, codec="chirpstack", external_id="24E124535B316056", **BY
    )[0].id
    with pytest.raises(InvalidInput, match="chirpstack"):
        ask(connection, deaf, "locate")
    withdraw_device(connection, phone, **BY)
    with pytest.raises(InvalidInput, match="revoked"):
        ask(connection, phone, "locate")
