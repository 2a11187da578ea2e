"""Writing once: inserts whose derived id makes a repeat change nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert `rows` (all with the same columns) into `table`, leaving out those that are there already.

    Returns how many were new.
    """
    if not rows:
        return 0
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insertion: Any = dialect.insert(table)
    once = insertion.on_conflict_do_nothing()
    # Each step of a statement gives the interpreter away and must win it back, with the store's one write
    # lock held. One row is one step; many are one statement with RETURNING, and one each without. Of one
    # row psycopg knows no number.
    if len(rows) == 1 and connection.dialect.name == "sqlite":
        return connection.execute(once, rows[0]).rowcount
    return len(connection.execute(once.returning(*table.primary_key.columns), list(rows)).all())
