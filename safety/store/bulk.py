"""Bulk: many rows in one statement's words, handed to the driver as they are.

SQLAlchemy looks at every value of every row, which costs more than the database does. SQLite's driver takes
tuples; PostgreSQL takes all rows as one text, and reads them as rows of the table by itself.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from sqlalchemy import Connection, Table

from safety.store.postgres import is_postgres

Value = str | int | float | bool | None
Row = tuple[Value, ...]
_AT_ONCE = 128
"""Of so many rows is a statement on SQLite: between two of them a more urgent writer is let go first."""
_NUL_ESCAPED = b"\\u0000"


def insert_new(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert `rows` of `columns`, leaving out those that are there already."""
    _write(connection, table, columns, rows, "ON CONFLICT DO NOTHING")


def put(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], *, key: str
) -> None:
    """Insert `rows` of `columns`, or set these columns where there is a row with the same `key`."""
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
    _write(connection, table, columns, rows, f"ON CONFLICT ({key}) DO UPDATE SET {changed}")


def _write(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], conflict: str
) -> None:
    if not rows:
        return
    if is_postgres(connection):
        statement = _from_text(table.name, columns, conflict)
        connection.exec_driver_sql(statement, (_as_text(columns, rows),))
    else:
        statement = _from_values(table.name, columns, conflict)
        for start in range(0, len(rows), _AT_ONCE):
            connection.exec_driver_sql(statement, list(rows[start : start + _AT_ONCE]))


@lru_cache(maxsize=256)
def _from_values(table: str, columns: tuple[str, ...], conflict: str) -> str:
    places = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) {conflict}"  # noqa: S608  # our names


@lru_cache(maxsize=256)
def _from_text(table: str, columns: tuple[str, ...], conflict: str) -> str:
    names = ", ".join(columns)
    rows = f"json_populate_recordset(NULL::{table}, %s::json)"
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {rows} {conflict}"  # noqa: S608  # our names


def _as_text(columns: tuple[str, ...], rows: Sequence[Row]) -> str:
    text = _encode(columns, rows)
    if _NUL_ESCAPED in text:
        text = _encode(columns, [tuple(map(_without_nul, row)) for row in rows])
    return text.decode()


def _encode(columns: tuple[str, ...], rows: Sequence[Row]) -> bytes:
    return msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows])


def _without_nul(value: Value) -> Value:
    """Return what PostgreSQL takes in place of `value`, as its driver does elsewhere (postgres_driver)."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value
