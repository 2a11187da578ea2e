"""Which visits are on: those whose times say so, however long others last."""

from sqlalchemy import Connection, select

from safety.store.tables import visits
from safety.store.visit_times import longest_visit_ms, on_a_visit
from safety.store.visits import add_visit
from tests.support.changes import BY
from tests.support.records import T0_MS

TIMES_MS = [(T0_MS + starts, T0_MS + ends) for starts, ends in ((1, 10), (5, 6), (2, 30), (28, 30), (29, 40))]


def test_they_are_on_from_their_start_until_before_their_end(connection: Connection, nurse: str) -> None:
    assert longest_visit_ms(connection) == 0
    planned = {
        add_visit(connection, nurse=nurse, lat=31.2, lon=121.5, starts_ms=starts_ms, ends_ms=ends_ms, **BY): (
            starts_ms,
            ends_ms,
        )
        for starts_ms, ends_ms in TIMES_MS
    }
    assert longest_visit_ms(connection) == 28
    for now_ms in range(T0_MS, T0_MS + 42):
        on = connection.execute(select(visits.c.id).where(on_a_visit(connection, now_ms))).scalars()
        assert set(on) == {
            id for id, (starts_ms, ends_ms) in planned.items() if starts_ms <= now_ms < ends_ms
        }
