"""Upsert: insert or leave, insert or update, in the words of the database at hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an insert that knows ON CONFLICT."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def replace(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    columns: Sequence[str],
) -> None:
    """Insert `rows`, or set `columns` of those that are there with the same `key`."""
    if not rows:
        return
    statement = insert_into(connection, table)
    changed = {column: statement.excluded[column] for column in columns}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed), list(rows))
