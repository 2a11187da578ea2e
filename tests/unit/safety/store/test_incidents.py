"""Incidents in a real store: whatever happens in whatever order, no alert falls silent; what a look costs."""

import tempfile
from pathlib import Path
from typing import Any, Final

from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select, text

from safety.domain.alert import OPEN_STATES, Action, RefusedAction
from safety.domain.policy import SEVERITIES
from safety.routing.ladder import decide
from safety.rules.effects import CancelAlert
from safety.store.alerts import cancel_alert
from safety.store.database import database_url, open_engine
from safety.store.escalation import apply_decision, take_due_alerts
from safety.store.migrate import alembic_config, migrate
from safety.store.tables import alerts
from tests.support.paging import Desk

SEVERITY_OF: Final = {
    "panic": "critical",
    "duress": "critical",
    "fall": "critical",
    "tamper": "high",
    "device_silent": "warning",
    "battery_low": "info",
}
ACTIONS: Final[tuple[Action, ...]] = ("acknowledge", "dispatch", "arrive", "resolve")
STEPS: Final = st.one_of(
    st.tuples(st.just("raise"), st.sampled_from(sorted(SEVERITY_OF)), st.booleans()),
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 9), st.booleans()),
    st.tuples(st.just("cancel"), st.integers(0, 9), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([1, 40, 1000]), st.none()),
)


def raises(desk: Desk, kind: str, is_test: bool) -> str:
    window_ms = 30_000 if kind in ("fall", "tamper") else None
    return desk.raises(
        kind=kind,
        severity=SEVERITY_OF[kind],
        test=is_test,
        merges="nurse" if kind in ("panic", "duress") else None,
        cancel_until_ms=window_ms and desk.clock.now_ms() + window_ms,
    )


def acts(desk: Desk, alert: str, action: Action, whole: bool) -> None:
    detail: dict[str, Any] = {"reason": "assisted"} if action == "resolve" else {}
    if whole and action == "resolve":
        detail["incident"] = True
    try:
        desk.acts(alert, action, **detail)
    except RefusedAction:
        return


def pages(desk: Desk) -> None:
    """The ladder looks at all that is due."""
    now_ms = desk.clock.now_ms()
    with desk.database.writing() as connection:
        for due in take_due_alerts(connection, now_ms, 100):
            apply_decision(connection, due, decide(due.facts, due.policy, due.roster, now_ms), now_ms)


def silent(desk: Desk) -> list[Any]:
    """Open raised alerts that nobody is, was or will be paged for, and no other alert answers for."""
    with desk.database.reading() as connection:
        rows = connection.execute(select(alerts).where(alerts.c.state.in_(OPEN_STATES))).all()

    def answers(other: Any, row: Any) -> bool:
        same = (other.incident, other.test) == (row.incident, row.test) and other.id != row.id
        if not same or other.held_by or SEVERITIES.index(other.severity) < SEVERITIES.index(row.severity):
            return False
        return other.state != "raised" or other.due_ms is not None

    return [
        row
        for row in rows
        if row.state == "raised" and row.severity != "info" and not row.test and row.due_ms is None
        if not (row.held_by and any(answers(other, row) for other in rows))
    ]


@given(st.lists(STEPS, max_size=14))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_alert_falls_silent(steps: list[tuple[Any, Any, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(database_url(Path(folder)))
        desk.policy((0, [desk.responder("ann")]))
        raised: list[str] = []
        try:
            for what, which, flag in steps:
                if what == "raise":
                    raised.append(raises(desk, which, flag))
                elif what == "wait":
                    desk.clock.advance_s(which)
                    pages(desk)
                elif raised:
                    _happens(desk, raised[which % len(raised)], what, flag)
                assert silent(desk) == []
        finally:
            desk.close()


def _happens(desk: Desk, alert: str, what: Any, whole: bool) -> None:
    with desk.database.reading() as connection:
        if connection.execute(select(alerts.c.id).where(alerts.c.id == alert)).first() is None:
            return  # it was noted on another
    if what == "cancel":
        at_ms = desk.clock.now_ms()
        with desk.database.writing() as connection:
            cancel_alert(connection, CancelAlert(id=f"c/{alert}", alert=alert, at_ms=at_ms, reason="pin"))
    else:
        acts(desk, alert, what, whole)


def test_a_new_alert_looks_at_its_nurses_alerts_by_index(tmp_path: Path) -> None:
    desk = Desk(database_url(tmp_path))
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cur: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(desk.database.engine, "before_cursor_execute", note)
    desk.raises(kind="fall")
    event.remove(desk.database.engine, "before_cursor_execute", note)
    with desk.database.reading() as connection:
        plans = [
            row.detail
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    desk.close()
    assert any("alerts_nurse_" in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


def test_alerts_from_before_are_each_an_incident(tmp_path: Path) -> None:
    engine: Engine = open_engine(database_url(tmp_path))
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.upgrade(alembic_config(connection), "0002")
    old = (
        "INSERT INTO alerts (id, kind, severity, state, org, occurred_ms, received_ms, raised_ms,"
        " escalation_level, test, silent, late, doubts, why, source_event, version)"
        " VALUES ('old', 'panic', 'critical', 'raised', 'org_a', 1, 1, 1, 0, 0, 0, 0, '[]', '{}', 'e', 1)"
    )
    with engine.begin() as connection:
        connection.execute(text(old))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT incident, held_by FROM alerts")).one() == ("old", None)
    engine.dispose()
