"""What the store looks at for each press must not grow with all that ever happened."""

from typing import Any

import pytest
from sqlalchemy import Connection, event

from safety.rules.effects import RaiseAlert
from safety.store.alerts import raise_alert

AT_MS = 1_795_000_000_000


def press(number: int) -> RaiseAlert:
    return RaiseAlert(
        id=f"alert-{number}",
        kind="panic",
        severity="critical",
        org="org_1",
        nurse="nur_1",
        device="dev_1",
        occurred_ms=AT_MS,
        received_ms=AT_MS,
        source_event=f"dev_1/panic_pressed/{number}/{AT_MS}",
        alarm_seq=number,
        merges="nurse",
    )


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # only its plans do not depend on statistics
def test_a_press_looks_at_no_more_than_her_own_alerts(connection: Connection) -> None:
    raise_alert(connection, press(1), AT_MS)
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        asked.append((statement, given))

    event.listen(connection, "before_cursor_execute", note)
    raise_alert(connection, press(2), AT_MS)
    event.remove(connection, "before_cursor_execute", note)
    looks = [(statement, given) for statement, given in asked if statement.startswith("SELECT")]
    assert looks
    for statement, given in looks:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
        steps = " ".join(row.detail for row in plan)
        assert "SCAN" not in steps, statement
        assert "alerts_org_raised" not in steps, statement
