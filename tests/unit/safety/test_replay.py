"""Replay: identical where nothing changed, and a sentence for everything that did."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, literal_column

from devices.clock import ManualClock
from ingest.lanes import LANES, lanes_of
from ingest.log.memory import MemoryEventLog
from ingest.log.port import NewEntry
from ingest.records import Arrival, encode
from safety.engine import Record, engine_for
from safety.replay import Span, compare, replay
from safety.store.database import Database, database_url
from safety.store.effects import store_effects
from safety.store.tables import alerts, metadata
from tests.support.records import PLAN, T0_MS, at, fall, fix, panic, position, tick, ticks

RECORDS: list[Record] = [
    PLAN,
    *ticks(0, 60),
    fix(60, 10),
    fix(61, 10),
    panic(61, alarm="a1"),
    panic(62, alarm="a2"),
    fall(63, alarm="f1"),
    fix(70, 400),
    fix(80, 400),
    fix(100, 400),
    *ticks(100, 400),
]
EVERYTHING = Span(0, at(10_000))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    store = Database(database_url(tmp_path))
    metadata.create_all(store.engine)
    yield store
    store.close()


async def logged(database: Database, records: Sequence[Record] = RECORDS) -> MemoryEventLog:
    """A log of `records`, and in the store what the engine made of them."""
    log = MemoryEventLog(ManualClock(T0_MS), 1)
    for lane in LANES:
        engine = engine_for(lane)
        for record in records:
            if isinstance(record, Arrival) and lane not in lanes_of(record.report):
                continue
            await log.append(lane, [NewEntry("nur_1", encode(record))])
            effects = engine.step(record)
            await database.write(lambda c, effects=effects: store_effects(c, effects, T0_MS))  # type: ignore[misc]  # a default
    return log


async def differences(database: Database, log: MemoryEventLog, span: Span = EVERYTHING) -> list[str]:
    _, raised = await replay(log, span, lambda _: None)
    return await database.read(lambda connection: compare(connection, raised, span))


async def test_the_same_log_says_the_same(database: Database) -> None:
    log = await logged(database)
    entries, raised = await replay(log, EVERYTHING, lambda _: None)
    assert entries > len(RECORDS)
    kinds = sorted(alert.kind for alert in raised.values())
    assert kinds == ["device_silent", "fall", "fence_exit", "panic", "panic"]
    assert await differences(database, log) == []


async def test_a_lost_alert_is_named(database: Database) -> None:
    log = await logged(database)
    await log.append(LANES[0], [NewEntry("nur_1", encode(panic(500, alarm="new")))])
    (difference,) = await differences(database, log)
    assert "is raised now, and was not then" in difference


async def test_an_alert_without_a_cause_is_named(database: Database) -> None:
    log = await logged(database)
    empty = MemoryEventLog(ManualClock(T0_MS), 1)
    found = await differences(database, empty)
    assert len(found) == 4  # the second press is on the first one's alert
    assert all("was raised then, and is not now" in difference for difference in found)
    assert await differences(database, log, Span(at(62), at(63))) == []


async def test_a_changed_alert_is_named_by_its_field(database: Database) -> None:
    log = await logged(database)
    change = alerts.update().where(alerts.c.kind == "fence_exit").values(occurred_ms=1)
    await database.write(lambda connection: connection.execute(change))
    (difference,) = await differences(database, log)
    assert "occurred_ms was 1" in difference


def spoil(connection: Connection, kind: str, change: str) -> None:
    """Change the alerts of `kind`: `column = expression of SQL`."""
    column, _, value = change.partition(" = ")
    connection.execute(alerts.update().where(alerts.c.kind == kind).values({column: literal_column(value)}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("why = 'nonsense'", "why was 'nonsense'"),
        ("why = x'ff00'", "why was "),
        ("why = CAST(x'ff41' AS TEXT)", "why was '\\\\xffA'"),
        ("doubts = '[\"invented\"]'", "doubts was ['invented'] and is []"),
        ("doubts = '5'", "doubts was 5 and is []"),
        ("position = NULL", "position was None and is {'lat': "),
        ("position = 'null'", "position was None and is {'lat': "),
        ("position = json_set(position, '$.lat', 1.5)", "position was {'lat': 1.5, "),
        ("late = 'nonsense'", "late was 'nonsense' and is False"),
        ("late = 1", "late was True and is False"),
        ("kind = CAST(x'ff41' AS TEXT)", "kind was '\\\\xffA'"),
        ("silent = 1", "silent was True and is False"),
    ],
)
async def test_whatever_is_changed_is_a_difference(database: Database, change: str, said: str) -> None:
    log = await logged(database)
    await database.write(partial(spoil, kind="fence_exit", change=change))
    (difference,) = await differences(database, log)
    assert said in difference


@pytest.mark.parametrize(
    "change", ["position = NULL", "silent = 0", "position = json_set(position, '$.lon', 1)"]
)
async def test_what_another_press_changed_is_compared_as_well(database: Database, change: str) -> None:
    again = panic(405, alarm="a3", position=position(500), silent=True)
    log = await logged(database, [*RECORDS, again])
    assert await differences(database, log) == []
    await database.write(partial(spoil, kind="panic", change=change))
    assert await differences(database, log) != []


async def test_ticks_alone_raise_nothing(database: Database) -> None:
    log = MemoryEventLog(ManualClock(T0_MS), 1)
    await log.append(LANES[1], [NewEntry("", encode(tick(1)))])
    assert await replay(log, EVERYTHING, lambda _: None) == (1, {})
