"""What a change of master data leaves behind: who signs it in tests, and what to look at afterwards."""

from typing import Any

from sqlalchemy import Connection, select

from safety.store.tables import audit, plan_changes

BY: Any = {"actor": "cli:test", "at_ms": 1_795_000_000_000}


def replanned(connection: Connection) -> list[tuple[str | None, str | None]]:
    """What the engine must be told anew since the last call: (nurse, org)."""
    changes = connection.execute(
        select(plan_changes.c.nurse, plan_changes.c.org).order_by(plan_changes.c.seq)
    )
    found = [(row.nurse, row.org) for row in changes]
    connection.execute(plan_changes.delete())
    return found


def recorded(connection: Connection) -> Any:
    """The newest audit record."""
    return connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).one()
