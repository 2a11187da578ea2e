"""What the store forgets, and what it must not; on both databases."""

from typing import Any

import pytest
from sqlalchemy import Connection, func, inspect, select

from devices.clock import ManualClock
from devices.reports import Position
from safety.config import Settings
from safety.housekeeping import Housekeeping
from safety.rules.effects import PlacePosition, RaiseAlert
from safety.rules.sight import Sight
from safety.store.alerts import act, raise_alert
from safety.store.database import Database
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.tables import alerts, positions, timeline, tracks
from safety.store.track_days import DAY_MS, make_days
from safety.store.tracks import store_tracks
from tests.support.changes import BY

NOW_MS = 1_795_000_000_000


def point(nurse: str, time_ms: int, received_ms: int | None = None) -> PlacePosition:
    came_ms = time_ms if received_ms is None else received_ms
    sight = Sight(Position(31.0, 121.0), time_ms, came_ms, nurse, "org_1", "dev_1", "fix", None, time_ms)
    return PlacePosition(sight, "vis_1", newest=False)


def count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.fixture
def nurse(database: Database) -> str:
    with database.writing() as connection:
        org = add_org(connection, name="Care", **BY)
        return add_nurse(connection, org=org, name="Li Na", **BY)


async def keep_house(database: Database, **settings: Any) -> None:
    clock = ManualClock(now_ms=NOW_MS)
    await Housekeeping(database, clock, Settings(**settings)).step()


async def test_tracks_go_after_their_days_whatever_their_clock_said(database: Database, nurse: str) -> None:
    days = [NOW_MS - ago * DAY_MS for ago in (100, 91, 89, 1, 0)]
    ahead = point(nurse, NOW_MS + 3000 * DAY_MS, NOW_MS - 91 * DAY_MS)
    with database.writing() as connection:
        store_tracks(connection, [*(point(nurse, day) for day in days), ahead])
        store_tracks(connection, [point(nurse, day) for day in days] * 2)
        assert count(connection, tracks) == 6, "each point is there once"
        last = {"nurse": nurse, "org": "org_1", "device": "dev_1", "lat": 31.0, "lon": 121.0}
        times = {"time_ms": days[0], "received_ms": days[0], "revision": 1}
        connection.execute(positions.insert().values(last | times))
    await keep_house(database, keep_tracks_days=90)
    with database.reading() as connection:
        assert (
            list(connection.execute(select(tracks.c.time_ms).order_by(tracks.c.time_ms)).scalars())
            == days[2:]
        )
        assert count(connection, positions) == 0


async def test_only_what_was_closed_long_ago_goes(database: Database) -> None:
    old_ms = NOW_MS - 400 * DAY_MS
    with database.writing() as connection:
        for number, closed_ms in enumerate((old_ms, NOW_MS, None)):
            raised = RaiseAlert(
                id=f"alert-{number}",
                kind="panic",
                severity="critical",
                org="org_1",
                nurse=f"nur_{number}",
                device="dev_1",
                occurred_ms=old_ms,
                received_ms=old_ms,
                source_event=f"event-{number}",
            )
            raise_alert(connection, raised, old_ms)
            if closed_ms is not None:
                detail = {"reason": "false_alarm"}
                act(connection, raised.id, "resolve", actor="a", version=None, detail=detail, at_ms=closed_ms)
    await keep_house(database, keep_alerts_days=365)
    with database.reading() as connection:
        left = connection.execute(select(alerts.c.id).order_by(alerts.c.id)).scalars()
        assert list(left) == ["alert-1", "alert-2"]
        assert set(connection.execute(select(timeline.c.alert)).scalars()) == {"alert-1", "alert-2"}


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_day_takes_over_what_came_before_it_and_goes_at_once(database: Database, nurse: str) -> None:
    with database.writing() as connection:
        store_tracks(connection, [point(nurse, NOW_MS), point(nurse, NOW_MS + 9 * DAY_MS)])
        make_days(connection, NOW_MS)
        make_days(connection, NOW_MS + DAY_MS)
        assert count(connection, tracks) == 2
        days = [name for name in inspect(connection).get_table_names() if name.startswith("tracks_2")]
        assert len(days) == 5
        connection.exec_driver_sql(f"DROP TABLE {', '.join(days)}")
        assert count(connection, tracks) == 1
