"""What only PostgreSQL needs: order among writers that work side by side, where SQLite has one at a time.

Whoever takes several locks in one transaction takes them in this order: nurses, rows of alerts by their
id, master data, the timeline's (which the database takes by itself when the transaction commits).
"""

from collections.abc import Collection

from sqlalchemy import Column, Connection, bindparam, func, or_, select, text

from safety.domain.alert import OPEN_STATES
from safety.store.tables import alerts

# Any numbers do, as long as only the store uses them.
MIGRATIONS_LOCK = 0x5649474D
MASTER_DATA_LOCK = 0x56494749
HOUSEKEEPING_LOCK = 0x56494748
_NURSES_LOCK = 0x56494E

HELD_FOR_S = 5
"""How long a transaction may stand still, and what it has locked with it: for less than the time after which
a process counts as dead, so that whoever takes over its partitions need not wait for it as well."""
_UNREAD_FOR_S = 10
_HOLD_BRIEFLY = text(
    f"SELECT set_config('idle_in_transaction_session_timeout', '{HELD_FOR_S}s', true), "
    f"set_config('tcp_user_timeout', '{_UNREAD_FOR_S}s', true)"
)
_OWN_NUMBER = text("SELECT pg_current_xact_id()::text::bigint")


def is_postgres(connection: Connection) -> bool:
    """Tell whether the store is on PostgreSQL."""
    return connection.dialect.name == "postgresql"


def lock(connection: Connection, number: int) -> None:
    """Wait for the lock `number` and hold it until the transaction ends; on SQLite a writer is alone."""
    if is_postgres(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def hold_briefly(connection: Connection) -> None:
    """Have the server end this transaction if its process halts, or its machine is gone without a word.

    By itself the server keeps its locks until the process goes on, or for the kernel's two hours.
    """
    connection.execute(_HOLD_BRIEFLY)


def lock_nurses(connection: Connection, nurses: Collection[str], causes: Collection[str]) -> None:
    """Hold what is open of these nurses' alerts, and of the incidents of alerts `causes`, until the end.

    Two lanes may raise alerts of one nurse at the same time: the second must see the first one's.
    """
    if not is_postgres(connection) or not (nurses or causes):
        return
    taking = text("SELECT pg_advisory_xact_lock(:space, hashtext(:nurse))")
    for nurse in sorted(nurses):
        connection.execute(taking, {"space": _NURSES_LOCK, "nurse": nurse})
    incidents = select(alerts.c.incident).where(alerts.c.id.in_(causes))
    concerned = or_(
        alerts.c.nurse.in_(nurses) & alerts.c.state.in_(sorted(OPEN_STATES)),
        alerts.c.incident.in_(incidents),
    )
    connection.execute(select(alerts.c.id).where(concerned).order_by(alerts.c.id).with_for_update()).all()


def next_revision(connection: Connection, column: Column[int]) -> int:
    """Return a revision for rows of `column`'s table that are written now: newer than all a reader knows.

    On PostgreSQL it is the transaction's own number, so that writers need not wait for each other.
    """
    if is_postgres(connection):
        return int(connection.execute(_OWN_NUMBER).scalar_one())
    return int(connection.execute(select(func.max(column))).scalar() or 0) + 1


def newest_revision(connection: Connection, column: Column[int]) -> int:
    """Return the revision up to which everything that was ever written can be read now.

    On PostgreSQL what is newer may be readable as well, and is then read twice: better than never, as
    would be what somebody began to write before it and has not committed yet.
    """
    if is_postgres(connection):
        oldest = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1")
        return int(connection.execute(oldest).scalar_one())
    return int(connection.execute(select(func.max(column))).scalar() or 0)


def settle_revisions(connection: Connection, *columns: Column[int]) -> None:
    """Begin anew with revisions that another server gave: those of a restored backup are from the future."""
    if not is_postgres(connection):
        return
    newest = next_revision(connection, columns[0])
    for column in columns:
        future = column.table.update().where(column > bindparam("newest"))
        connection.execute(future.values({column.name: 0}), {"newest": newest})
