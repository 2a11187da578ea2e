"""What is written once says whether it was new: much depends on it, e.g. whether an alarm is taken back."""

from sqlalchemy import Connection

from safety.rules.effects import CancelAlert, RaiseAlert
from safety.store.alerts import cancel_alert, raise_alert
from safety.store.once import insert_once
from safety.store.tables import alerts, orgs


def test_one_row_or_many_the_new_ones_are_counted(connection: Connection) -> None:
    rows = [{"id": f"org_{number}", "name": "Care", "created_ms": 1} for number in range(3)]
    assert insert_once(connection, orgs, []) == 0
    assert insert_once(connection, orgs, rows[:1]) == 1
    assert insert_once(connection, orgs, rows[:1]) == 0
    assert insert_once(connection, orgs, rows) == 2
    assert insert_once(connection, orgs, rows) == 0


def test_an_alarm_is_taken_back_on_either_database(connection: Connection) -> None:
    raised = RaiseAlert(
        id="alert-1",
        kind="fall",
        severity="critical",
        org="org_1",
        nurse="nur_1",
        device="dev_1",
        occurred_ms=1,
        received_ms=1,
        source_event="event-1",
        cancel_until_ms=30_001,
    )
    raise_alert(connection, raised, 1)
    cancel_alert(connection, CancelAlert(id="cancel-1", alert="alert-1", at_ms=2, reason="pin"))
    assert connection.execute(alerts.select()).one().state == "cancelled"
