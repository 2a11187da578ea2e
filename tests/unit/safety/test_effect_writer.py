"""What an alert need not wait for is stored after it, once, whatever happens between the two."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from devices.clock import ManualClock
from ingest.lanes import ALARMS
from ingest.log.memory import MemoryEventLog
from ingest.log.port import NewEntry
from ingest.records import encode
from safety.effect_writer import RETRY_AFTER_S
from safety.runner import Runner, RunnerMetrics
from safety.store.alerts import act
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.tables import alerts, commands, devices
from tests.support.changes import BY
from tests.support.records import PLAN, panic
from tests.support.waiting import eventually


class Killed(Exception):
    """The process ends here."""


class Breaking(Database):
    """Raises `failure` in place of the transaction that `breaks` chooses by its number."""

    def __init__(self, url: str, breaks: int, failure: Exception) -> None:
        super().__init__(url)
        self._left, self._failure = breaks, failure

    async def write(self, work: Callable[[Connection], Any], *args: Any, **options: Any) -> Any:
        self._left -= 1
        if not self._left:
            raise self._failure
        return await super().write(work, *args, **options)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A store with the nurse of the records, her phone, and her organisation."""
    database = Database(database_url(tmp_path))
    migrate(database.engine)
    with database.writing() as connection:
        org = add_org(connection, name="Night", **BY)
        nurse = add_nurse(connection, org=org, name="Li Na", **BY)
        phone = {"id": "dev_1", "kind": "phone", "codec": "native", "secret_hash": "", "revision": 1}
        connection.execute(devices.insert().values(nurse=nurse, org=org, created_ms=0, **phone))
    yield database
    database.close()


async def filled(clock: ManualClock, database: Database) -> MemoryEventLog:
    """A log in which she pressed."""
    with database.reading() as connection:
        known = connection.execute(select(devices.c.nurse, devices.c.org)).one()
    pressed = msgspec.structs.replace(panic(10), nurse=known.nurse, org=known.org)
    log = MemoryEventLog(clock)
    await log.append(ALARMS, [NewEntry(known.nurse, encode(record)) for record in (PLAN, pressed)])
    return log


def runner(log: MemoryEventLog, database: Database, clock: ManualClock) -> Runner:
    return Runner(ALARMS, 0, log, database, clock, RunnerMetrics(CollectorRegistry()), lambda: None)


async def die_after_the_alert(log: MemoryEventLog, database: Database, clock: ManualClock) -> None:
    # The first transaction is the claim, the second the alert's.
    dying = runner(log, Breaking(database.url, 3, Killed()), clock)
    await dying.load()
    with pytest.raises(Killed):
        await dying.step()


def told(database: Database) -> tuple[int, list[str]]:
    """How many alerts there are, and what her phone is told."""
    with database.reading() as connection:
        raised = connection.execute(select(func.count()).select_from(alerts)).scalar_one()
        return raised, sorted(connection.execute(select(commands.c.kind)).scalars())


async def test_a_crash_after_the_alert_loses_nothing_of_what_follows(database: Database) -> None:
    clock = ManualClock()
    log = await filled(clock, database)
    await die_after_the_alert(log, database, clock)
    assert told(database) == (1, ["alarm_received"])

    for _ in range(2):
        again = runner(log, database, clock)
        await again.load()
        assert await again.step() == 2
        assert told(database) == (1, ["alarm_received", "configure"])


async def test_what_is_closed_by_then_is_let_alone(database: Database) -> None:
    clock = ManualClock()
    log = await filled(clock, database)
    await die_after_the_alert(log, database, clock)
    with database.writing() as connection:
        alert = connection.execute(select(alerts.c.id)).scalar_one()
        detail = {"reason": "false_alarm"}
        act(connection, alert, "resolve", actor="a", version=None, detail=detail, at_ms=clock.now_ms())
    again = runner(log, database, clock)
    await again.load()
    await again.step()
    assert told(database) == (1, ["alarm_closed", "alarm_received"])


async def test_a_store_that_is_away_for_a_moment_is_asked_again(database: Database) -> None:
    clock = ManualClock()
    log = await filled(clock, database)
    away = OperationalError("UPDATE", None, Exception("away"))
    waiting = runner(log, Breaking(database.url, 3, away), clock)
    await waiting.load()
    step = asyncio.create_task(waiting.step())

    def is_over() -> bool:
        clock.advance_s(RETRY_AFTER_S)
        return step.done()

    await eventually(is_over)
    assert await step == 2
    assert told(database) == (1, ["alarm_received", "configure"])
