"""What people and the service ask again and again must not be answered by reading all of history."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event

from safety.domain.alert import OPEN_STATES
from safety.store.alert_queries import AlertFilter, list_alerts, open_alerts
from safety.store.device_board import worrying_devices
from safety.store.escalation import next_look_ms
from safety.store.feed import changed_devices, changed_positions
from safety.store.master_queries import VisitFilter, list_devices, list_nurses, list_visits
from safety.store.notices import next_notice_ms, take_due_notices
from safety.store.old_alerts import forget_alerts, forget_commands, forget_letters
from safety.store.orgs import add_org
from safety.store.outbox import next_command_ms, owe_command, take_due_commands
from safety.store.place_queries import list_positions
from safety.store.queries import MOST_BRANCHES, Page, Scope
from safety.store.record_queries import AuditFilter, list_audit, list_dead_letters
from safety.store.tables import IS_OPEN, alerts
from safety.store.track_days import forget_points, forget_points_ahead
from tests.support.changes import BY

NOW_MS = int(str(BY["at_ms"]))
PAGE = Page(limit=2)
OPEN = AlertFilter(states=OPEN_STATES)
OLD = (
    "alerts",
    "visits",
    "commands",
    "tracks",
    "work_records",
    "audit",
    "dead_letters",
    "alert_timeline",
    "notifications",
)
# In the order in which it is wanted, so that it ends with the page.
IN_ORDER = {
    "SCAN alerts USING COVERING INDEX alerts_raised",
    "SCAN visits USING COVERING INDEX visits_starts",
    "SCAN visits USING INDEX visits_longest",
    "SCAN visits USING COVERING INDEX visits_longest",
    "SCAN audit",
    "SCAN dead_letters",
    # Each of them is open, or owed: few of all.
    "SCAN alerts USING INDEX alerts_open",
    "SCAN commands USING INDEX commands_owed",
}
Asking = Callable[[Connection, Scope], object]


def owe_and_take(connection: Connection) -> None:
    owe_command(connection, id="c", device="dev_1", kind="locate", at_ms=NOW_MS, ttl_s=60)
    assert take_due_commands(connection, NOW_MS, limit=2)


def steps_of(connection: Connection, ask: Callable[[], object]) -> list[str]:
    """What SQLite does, step by step, for each statement of `ask`."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        asked.append((statement, given))

    event.listen(connection, "before_cursor_execute", note)
    ask()
    event.remove(connection, "before_cursor_execute", note)
    assert asked
    explained = (connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", given) for each, given in asked)
    return [row.detail for plan in explained for row in plan.all()]


@pytest.mark.parametrize("orgs", [1, MOST_BRANCHES + 1])
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # only its plans do not depend on statistics
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda c, seen: list_alerts(c, seen, OPEN, PAGE), id="open alerts"),
        pytest.param(open_alerts, id="every open alert"),
        pytest.param(lambda c, seen: list_alerts(c, seen, AlertFilter(), PAGE), id="newest alerts"),
        pytest.param(lambda c, seen: list_alerts(c, seen, AlertFilter(nurse="n"), PAGE), id="of a nurse"),
        pytest.param(
            lambda c, seen: list_visits(c, seen, VisitFilter(None, NOW_MS, NOW_MS + 1), PAGE), id="visits now"
        ),
        pytest.param(lambda c, seen: list_visits(c, seen, VisitFilter("n"), PAGE), id="visits of a nurse"),
        pytest.param(lambda c, seen: list_nurses(c, seen, PAGE, NOW_MS), id="nurses"),
        pytest.param(lambda c, seen: list_devices(c, seen, PAGE), id="devices"),
        pytest.param(lambda c, seen: list_positions(c, seen, PAGE), id="positions"),
        pytest.param(lambda c, seen: worrying_devices(c, seen, NOW_MS, 10), id="board"),
        pytest.param(lambda c, seen: list_audit(c, seen, AuditFilter(), PAGE), id="audit"),
        pytest.param(lambda c, seen: list_audit(c, seen, AuditFilter(subject="s"), PAGE), id="audit of one"),
        pytest.param(lambda c, seen: list_dead_letters(c, seen, PAGE), id="letters"),
        pytest.param(lambda c, _: (changed_devices(c, 1, 1), changed_positions(c, 1)), id="what is new"),
        pytest.param(lambda c, _: (next_look_ms(c), next_notice_ms(c)), id="who is due"),
        pytest.param(lambda c, _: take_due_notices(c, NOW_MS, limit=2, per_channel=2), id="due notices"),
        pytest.param(lambda c, _: next_command_ms(c, NOW_MS), id="which command is due"),
        pytest.param(lambda c, _: owe_and_take(c), id="due commands"),
        pytest.param(lambda c, _: forget_alerts(c, 1), id="old alerts"),
        pytest.param(lambda c, _: forget_commands(c, 1), id="old commands"),
        pytest.param(lambda c, _: forget_letters(c, 1), id="old letters"),
        pytest.param(lambda c, _: (forget_points(c, "n", 1), forget_points_ahead(c, 1)), id="old points"),
    ],
)
def test_nothing_that_is_asked_often_reads_all_that_ever_was(
    connection: Connection, orgs: int, ask: Asking
) -> None:
    top = add_org(connection, name="Care", **BY)
    for number in range(1, orgs):
        add_org(connection, name=f"Care {number}", parent=top, **BY)
    steps = steps_of(connection, lambda: ask(connection, Scope(top)))
    read = {step for step in steps for name in OLD if f"{step} ".startswith(f"SCAN {name} ")}
    assert read - IN_ORDER == set()
    # What ends after now is all that is planned.
    assert not [step for step in steps if "visits" in step and "ends_ms>?)" in step]
    # What is not owed is all that was ever told.
    assert not [step for step in steps if "commands_due (due_ms=?)" in step]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_the_words_for_what_is_open_find_its_index(connection: Connection) -> None:
    (step, *_) = steps_of(
        connection, lambda: connection.execute(alerts.select().where(alerts.c.org == "o", IS_OPEN)).all()
    )
    assert step == "SEARCH alerts USING INDEX alerts_open (org=?)"
