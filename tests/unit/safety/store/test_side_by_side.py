"""Writers side by side on PostgreSQL: readers miss nothing, and what belongs together is there once."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError

from devices.clock import SystemClock
from devices.commands import CommandKind
from safety.errors import Superseded
from safety.rules.effects import RaiseAlert
from safety.store.alerts import raise_alert
from safety.store.claims import claim, hold
from safety.store.database import Database
from safety.store.effects import store_effects
from safety.store.escalation import take_due_alerts
from safety.store.feed import changed_alerts, changed_positions, current_marks
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.outbox import owe_command, take_due_commands
from safety.store.postgres import HELD_FOR_S, next_revision
from safety.store.tables import alerts, positions, timeline
from safety.wakes import Wakes
from tests.support.changes import BY
from tests.support.postgres import Postgres
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.integration
AT_MS = 1_795_000_000_000


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = Database(postgres.store())
    migrate(database.engine)
    yield database
    database.close()


def press(number: int, nurse: str = "nur_1") -> RaiseAlert:
    return RaiseAlert(
        id=f"alert-{number}",
        kind="panic",
        severity="critical",
        org="org_1",
        nurse=nurse,
        device=f"dev_{number}",
        occurred_ms=AT_MS,
        received_ms=AT_MS,
        source_event=f"dev_{number}/panic_pressed/{number}/{AT_MS}",
        alarm_seq=number,
        merges="nurse",
    )


def test_a_feed_misses_nothing_that_is_committed_late(database: Database) -> None:
    with database.writing() as slow:
        raise_alert(slow, press(1, "nur_1"), AT_MS)  # numbered first, if numbers were given now
        with database.writing() as quick:
            raise_alert(quick, press(2, "nur_2"), AT_MS)
        with database.reading() as reader:
            [seen] = changed_alerts(reader, 0)
        assert seen.alert.id == "alert-2"
    with database.reading() as reader:
        assert [change.alert.id for change in changed_alerts(reader, seen.seq)] == ["alert-1"]


def test_a_feed_misses_no_position_that_is_committed_late(database: Database) -> None:
    with database.writing() as connection:
        org = add_org(connection, name="Care", **BY)
        nurses = [add_nurse(connection, org=org, name=name, **BY) for name in ("Li", "Wang")]

    def place(connection: Connection, nurse: str) -> None:
        row = {"nurse": nurse, "org": org, "device": "dev_1", "lat": 31.0, "lon": 121.0, "time_ms": AT_MS}
        row |= {"received_ms": AT_MS, "revision": next_revision(connection, positions.c.revision)}
        connection.execute(positions.insert().values(row))

    with database.writing() as slow:
        place(slow, nurses[0])
        with database.writing() as quick:
            place(quick, nurses[1])
        with database.reading() as reader:
            marks = current_marks(reader)
            assert [row.nurse for row in changed_positions(reader, 0)] == [nurses[1]]
    with database.reading() as reader:
        assert nurses[0] in {row.nurse for row in changed_positions(reader, marks.positions)}


def test_two_lanes_raise_one_alert_of_a_nurse(database: Database) -> None:
    together = threading.Barrier(8)

    def lane(number: int) -> None:
        together.wait(PATIENCE_S)
        with database.writing() as connection:
            store_effects(connection, [press(number)], AT_MS)

    with ThreadPoolExecutor(8) as lanes:
        list(lanes.map(lane, range(8)))
    with database.reading() as connection:
        [raised] = connection.execute(select(alerts.c.id)).scalars()
        entries = connection.execute(
            select(timeline.c.what).where(timeline.c.alert == raised).order_by(timeline.c.seq)
        )
        assert list(entries.scalars()) == ["raised", *["pressed_again"] * 7]


def test_what_one_router_holds_another_passes_by(database: Database) -> None:
    with database.writing() as connection:
        for number in (1, 2):
            raise_alert(connection, press(number, f"nur_{number}"), AT_MS)
    with database.writing() as first, database.writing() as second:
        assert [due.id for due in take_due_alerts(first, AT_MS, 1)] == ["alert-1"]
        assert [due.id for due in take_due_alerts(second, AT_MS, 10)] == ["alert-2"]


def test_a_device_is_told_by_one_worker_at_a_time(database: Database) -> None:
    def owe(kind: CommandKind) -> None:
        with database.writing() as connection:
            owe_command(connection, id=kind, device="dev_1", kind=kind, alarm="a", at_ms=AT_MS, ttl_s=3600.0)

    def take(connection: Connection) -> list[str]:
        taken = take_due_commands(connection, AT_MS, limit=9, lease_until_ms=AT_MS + 6_000)
        return [item.command.kind for items in taken.values() for item in items]

    owe("alarm_received")
    with database.writing() as first:
        assert take(first) == ["alarm_received"]
        owe("alarm_acknowledged")
        with database.writing() as second:
            assert take(second) == []
    with database.writing() as third:
        assert take(third) == []


async def test_whoever_waits_elsewhere_is_woken(database: Database) -> None:
    wakes, heard = Wakes(database.url, SystemClock()), []
    wakes.tell(lambda: heard.append(1))
    listening = asyncio.create_task(wakes.run())
    try:
        await eventually(lambda: heard, what="that it listens")
        heard.clear()
        await database.write(lambda c: raise_alert(c, press(1), AT_MS))
        await eventually(lambda: heard, what="the alert")
    finally:
        listening.cancel()
        await asyncio.wait([listening])


def test_text_may_hold_what_postgresql_refuses(database: Database) -> None:
    with database.writing() as connection:
        raise_alert(connection, msgspec.structs.replace(press(1), alarm="a\x00b"), AT_MS)
        assert connection.execute(select(alerts.c.alarm)).scalar() == "a\ufffdb"


def test_a_process_that_stands_still_lets_go_of_what_it_holds(database: Database) -> None:
    with database.writing() as mine:
        epoch = claim(mine, "alarms", 0, "one", AT_MS)

    def stand_still() -> None:
        with database.writing() as halted:
            kept_for = halted.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()
            assert kept_for == f"{HELD_FOR_S}s"
            halted.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            hold(halted, "alarms", 0, epoch)
            with database.writing() as successor:  # waits until the server has ended the other
                assert claim(successor, "alarms", 0, "two", AT_MS) == epoch + 1
            hold(halted, "alarms", 0, epoch)

    with pytest.raises(OperationalError):
        stand_still()


async def test_what_stood_still_is_run_again_and_sees_what_changed(database: Database) -> None:
    with database.writing() as mine:
        epoch = claim(mine, "alarms", 0, "one", AT_MS)
    runs: list[int] = []

    def work(connection: Connection) -> None:
        runs.append(epoch)
        hold(connection, "alarms", 0, epoch)
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        with database.writing() as successor:
            claim(successor, "alarms", 0, "two", AT_MS)
        connection.execute(text("SELECT 1"))

    with pytest.raises(Superseded, match="two"):
        await database.write(work)
    assert len(runs) == 2
