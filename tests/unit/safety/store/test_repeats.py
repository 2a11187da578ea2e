"""An alarm said again is answered again, once for as many times as the answer was still on its way."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from safety.rules.effects import AlarmRepeated, RaiseAlert
from safety.store.alerts import act, raise_alert, repeat_alarm
from safety.store.effects import store_effects
from safety.store.outbox import record_command_sent, take_due_commands
from safety.store.tables import alerts, commands, timeline

AT_MS = 1_795_000_000_000


def press(number: int, alarm: str | None = None) -> RaiseAlert:
    return RaiseAlert(
        id=f"alert-{number}",
        kind="panic",
        severity="critical",
        org="org_1",
        nurse="nur_1",
        device="dev_1",
        occurred_ms=AT_MS,
        received_ms=AT_MS,
        source_event=f"dev_1/panic_pressed/{number}/{AT_MS}",
        alarm=alarm,
        alarm_seq=number,
        merges="nurse",
    )


def again(number: int, at_ms: int, alarm: str | None = None) -> AlarmRepeated:
    return AlarmRepeated(
        alert=f"alert-{number}", device="dev_1", alarm=alarm, alarm_seq=number, received_ms=at_ms
    )


def owed(connection: Connection) -> list[str]:
    """The alarms whose answers wait."""
    waiting = select(commands.c.body).where(commands.c.due_ms.is_not(None)).order_by(commands.c.created_ms)
    return [body["alarm"] for body in connection.execute(waiting).scalars()]


def send_all(connection: Connection, at_ms: int) -> None:
    for items in take_due_commands(connection, at_ms, limit=10).values():
        for item in items:
            record_command_sent(connection, item, at_ms)


@pytest.mark.parametrize("alarm", ["p", None], ids=["by id", "by seq"])
def test_repeats_wait_for_one_answer(connection: Connection, alarm: str | None) -> None:
    raise_alert(connection, press(7, alarm), AT_MS)
    for second in range(1, 60):
        repeat_alarm(connection, again(7, AT_MS + second * 1000, alarm))
    assert owed(connection) == [alarm or "7"]


def test_a_silent_press_silences_the_alert_that_it_joins(connection: Connection) -> None:
    for number, silent in ((1, False), (2, True), (3, False)):
        raise_alert(connection, msgspec.structs.replace(press(number), silent=silent), AT_MS)
        assert connection.execute(select(alerts.c.silent)).scalars().all() == [number > 1]
    said = select(timeline.c.detail).where(timeline.c.what == "pressed_again").order_by(timeline.c.seq)
    assert ["silent" in detail for detail in connection.execute(said).scalars()] == [True, False]


def test_each_alarm_has_its_own_answer(connection: Connection) -> None:
    for number, alarm in ((1, "p1"), (2, "p2")):
        raise_alert(connection, press(number, alarm), AT_MS)
        repeat_alarm(connection, again(number, AT_MS + 1000, alarm))
    assert sorted(owed(connection)) == ["p1", "p2"]


def test_what_is_said_again_after_the_answer_is_answered_again(connection: Connection) -> None:
    raise_alert(connection, press(1, "p1"), AT_MS)
    send_all(connection, AT_MS)
    assert owed(connection) == []
    repeat_alarm(connection, again(1, AT_MS + 1000, "p1"))
    repeat_alarm(connection, again(1, AT_MS + 2000, "p1"))
    assert owed(connection) == ["p1"]


def test_a_backlog_of_repeats_is_one_answer_for_each_alarm(connection: Connection) -> None:
    raise_alert(connection, press(1, "p1"), AT_MS)
    raise_alert(connection, press(2, "p2"), AT_MS)
    send_all(connection, AT_MS)
    backlog = [again(number, AT_MS + ms, f"p{number}") for ms in range(1000) for number in (1, 2)]
    assert store_effects(connection, backlog, AT_MS)
    assert sorted(owed(connection)) == ["p1", "p2"]


@pytest.mark.parametrize("action", ["acknowledge", "dispatch", "arrive"])
def test_a_new_press_calls_people_again_whatever_was_done(connection: Connection, action: Any) -> None:
    raise_alert(connection, press(1, "p1"), AT_MS)
    first = connection.execute(select(alerts)).one()
    act(connection, first.id, action, actor="lin", version=first.version, detail={}, at_ms=AT_MS + 1000)
    raise_alert(connection, press(2, "p2"), AT_MS + 60_000)
    now = connection.execute(select(alerts)).one()
    assert (now.state, now.due_ms, now.escalation_level) == ("raised", AT_MS + 60_000, 0)
    assert now.version > first.version + 1
