"""What devices are told of their alarms, and what they must not learn."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from devices import reports
from devices.identity import hash_pin
from safety.domain.alert import Action
from safety.engine import AlarmEngine, Record
from safety.store.alerts import act
from safety.store.database import Database, database_url
from safety.store.effects import store_effects
from safety.store.tables import alerts, commands, metadata
from tests.support.records import PLAN, T0_MS, event, fall, panic


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    store = Database(database_url(tmp_path))
    metadata.create_all(store.engine)
    yield store
    store.close()


def told(database: Database, *records: Record) -> list[tuple[str, str | None]]:
    """Let the records happen, resolve what they raised, and return the (kind, alarm) of all commands."""
    engine = AlarmEngine()
    effects = [effect for record in records for effect in engine.step(record)]
    with database.writing() as connection:
        store_effects(connection, effects, T0_MS)
        store_effects(connection, effects, T0_MS)  # again, as after a crash
        for id in connection.execute(select(alerts.c.id)).scalars().all():
            detail = {"reason": "assisted"}
            act(connection, id, "resolve", actor="li", version=None, detail=detail, at_ms=T0_MS)
        owed = connection.execute(select(commands.c.kind, commands.c.body).order_by(commands.c.created_ms))
        return [(row.kind, row.body["alarm"]) for row in owed]


def test_every_press_is_answered_by_its_own_name(database: Database) -> None:
    said = told(database, PLAN, panic(1, alarm="a"), panic(2, alarm="b"), panic(3, seq=7))
    assert sorted(said) == sorted(
        [(kind, name) for kind in ("alarm_received", "alarm_closed") for name in ("a", "b", "7")]
    )


def test_a_duress_pin_is_not_given_away(database: Database) -> None:
    pins = {"pin_hash": hash_pin("nur_1", "1234"), "duress_pin_hash": hash_pin("nur_1", "4321")}
    plan = msgspec.structs.replace(PLAN, **pins)
    assert told(database, plan, event(reports.CheckedIn, 5, pin="4321")) == []


def test_a_device_hears_once_that_its_alarm_is_closed_if_a_duress_pin_took_it_back(
    database: Database,
) -> None:
    pins = {"pin_hash": hash_pin("nur_1", "1234"), "duress_pin_hash": hash_pin("nur_1", "4321")}
    plan = msgspec.structs.replace(PLAN, **pins)
    taken_back = event(reports.AlarmCancelled, 5, alarm="f1", pin="4321")
    said = told(database, plan, fall(1, alarm="f1"), taken_back)
    assert said == [("alarm_received", "f1"), ("alarm_closed", "f1")]


@pytest.mark.parametrize(
    ("action", "detail", "news"),
    [
        ("acknowledge", {}, "alarm_acknowledged"),
        ("dispatch", {}, "alarm_acknowledged"),
        ("resolve", {"reason": "assisted"}, "alarm_closed"),
    ],
)
def test_a_device_that_says_it_again_hears_what_it_may_have_missed(
    database: Database, action: Action, detail: dict[str, str], news: str
) -> None:
    engine = AlarmEngine()
    said = [
        [effect for record in records for effect in engine.step(record)]
        for records in ((PLAN, panic(1, alarm="a")), (panic(2, alarm="a"),), (panic(3, alarm="a"),))
    ]
    with database.writing() as connection:
        store_effects(connection, said[0], T0_MS)
        id = connection.execute(select(alerts.c.id)).scalar_one()
        act(connection, id, action, actor="li", version=1, detail=detail, at_ms=T0_MS)
        # It was away: the broker took both, and lost them.
        connection.execute(commands.update().values(due_ms=None))
        for repeats in said[1:]:
            store_effects(connection, repeats, T0_MS)
        owed = connection.execute(select(commands.c.kind).where(commands.c.due_ms.is_not(None)))
        assert sorted(owed.scalars()) == sorted(["alarm_received", news])
