"""Which visits are on: those whose times say so, however long others last."""

from sqlalchemy import Connection, select

from safety.planner import nurse_plan
from safety.store.tables import visits
from safety.store.visit_times import longest_visit_ms, on_a_visit
from safety.store.visits import add_visit, update_visit
from tests.support.changes import BY, replanned
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


def test_one_that_was_cancelled_is_not_on_and_in_no_plan(connection: Connection, nurse: str) -> None:
    visit = add_visit(connection, nurse=nurse, lat=31.2, lon=121.5, starts_ms=T0_MS, ends_ms=T0_MS + 9, **BY)

    def is_planned() -> bool:
        on = list(connection.execute(select(visits.c.id).where(on_a_visit(connection, T0_MS + 6))).scalars())
        plan = nurse_plan(connection, nurse, T0_MS + 6)
        assert plan is not None
        assert on == [each.id for each in plan.visits]
        return on == [visit]

    assert is_planned()
    replanned(connection)
    at_ms = update_visit(connection, visit, {"cancelled": True}, actor="zhao", at_ms=7).cancelled_ms
    assert (at_ms, is_planned(), replanned(connection)) == (7, False, [(nurse, None)])
    assert update_visit(connection, visit, {"cancelled": True}, actor="wu", at_ms=8).cancelled_ms == 7
    assert update_visit(connection, visit, {"cancelled": False}, **BY).cancelled_ms is None
    assert is_planned()
