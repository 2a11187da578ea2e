"""Writing once: inserts whose derived id makes a repeat change nothing."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert `rows` (all with the same columns) into `table`, leaving out those that are there already.

    Returns how many were new.
    """
    if not rows:
        return 0
    once, once_returning = _insertions(table, connection.dialect.name)
    # Each step of a statement gives the interpreter away and must win it back, with the store's one write
    # lock held. One row is one step; many are one statement with RETURNING, and one each without. Of one
    # row psycopg knows no number.
    if len(rows) == 1 and connection.dialect.name == "sqlite":
        return connection.execute(once, rows[0]).rowcount
    return len(connection.execute(once_returning, list(rows)).all())


@cache
def _insertions(table: Table, dialect_name: str) -> tuple[Any, Any]:
    """Return the statement without and with RETURNING; to build one takes longer than to run it."""
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    insertion: Any = dialect.insert(table)
    once = insertion.on_conflict_do_nothing()
    return once, once.returning(*table.primary_key.columns)
