"""The benchmark of the store in its short form: that it asks everything, not how fast."""

from itertools import pairwise

import pytest
from sqlalchemy import func, select

from safety.bench import store
from safety.bench.week.loading import load, make_week
from safety.bench.week.size import Size
from safety.store.audit import verify_audit
from safety.store.database import Database
from safety.store.migrate import migrate
from safety.store.tables import alerts, timeline, tracks, visits

SHORT = Size(nurses=100, days=1, fix_every_s=600.0)


def test_every_question_is_timed_beside_its_floor() -> None:
    rows = {row["what"]: row for row in store.run(SHORT, calls=3)["rows"]}
    asked = [row for what, row in rows.items() if what.endswith((", p50", ", p95"))]
    assert all(row["value"] > 0 and row["floor"] for row in asked)
    assert [what for what in rows if what.startswith("tracks: 1,")]
    assert rows["the whole store on disk"]["value"] > 0
    for what in ("alerts, open", "track of a visit", "live feed: its next devices", "audit trail, newest"):
        assert rows[f"{what}, p95"]["target"] == "<= 50"
        assert rows[f"{what}, p50"]["target"] is None
        assert rows[f"{what}, p95 of the processor"]["value"] > 0


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_a_week_is_whole_and_always_the_same(store_url: str) -> None:
    week = make_week(SHORT)
    assert week == make_week(SHORT)
    assert all(before.starts_ms <= after.starts_ms for before, after in pairwise(week.planned))
    database = Database(store_url)
    migrate(database.engine)
    load(database, week, lambda _: None)
    with database.reading() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (visits, alerts, timeline, tracks)
        ]
        assert counts[:2] == [len(week.planned), len(week.alerts)]
        assert min(counts) > 0
        assert verify_audit(connection) is None
    database.close()
