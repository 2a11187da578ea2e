"""Changes: what every change of master data leaves behind, in the same transaction."""

from collections.abc import Mapping

from sqlalchemy import Connection

from safety.store.audit import append_audit
from safety.store.tables import plan_changes


def record_change(
    connection: Connection,
    action: str,
    subject: str,
    *,
    org: str | None,
    actor: str,
    at_ms: int,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Put a change on the audit trail. `detail` holds ids and field names, never secrets or names."""
    append_audit(
        connection,
        actor=actor,
        org=org,
        action=action,
        subject=subject,
        detail=dict(detail or {}),
        at_ms=at_ms,
    )


def replan_nurse(connection: Connection, nurse: str) -> None:
    """Have the engine told anew what it must know of `nurse`."""
    connection.execute(plan_changes.insert().values(nurse=nurse))


def replan_org(connection: Connection, org: str) -> None:
    """Have the engine told anew which fences `org` has."""
    connection.execute(plan_changes.insert().values(org=org))
