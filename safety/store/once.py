"""Writing once: inserts whose derived id makes a repeat change nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert `rows` (all with the same columns) into `table`, leaving out those that are there already.

    Returns how many were new.
    """
    written = 0
    for row in rows:
        if connection.dialect.name == "postgresql":
            done = connection.execute(postgresql.insert(table).values(row).on_conflict_do_nothing())
        else:
            done = connection.execute(sqlite.insert(table).values(row).on_conflict_do_nothing())
        written += done.rowcount
    return written
