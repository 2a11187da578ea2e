"""Bulk: many rows at once into a table, as fast as each database takes them."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import JSON, Connection, Table

from safety.store.postgres import is_postgres

_encode = msgspec.json.Encoder().encode


def fill(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert `rows`, all with the same columns, which are new; return how many."""
    waiting = iter(rows)
    first = next(waiting, None)
    if first is None:
        return 0
    columns = list(first)
    plain = [not isinstance(table.c[column].type, JSON) for column in columns]
    count = 0

    def lines() -> Iterable[list[Any]]:
        nonlocal count
        for row in chain((first,), waiting):
            count += 1
            yield [
                value if asis else _encode(value).decode()
                for asis, value in zip(plain, row.values(), strict=True)
            ]

    driver: Any = connection.connection.driver_connection
    into = f"{table.name} ({', '.join(columns)})"
    if is_postgres(connection):
        with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as stream:
            for line in lines():
                stream.write_row(line)
    else:
        places = ", ".join("?" for _ in columns)
        driver.executemany(f"INSERT INTO {into} VALUES ({places})", lines())  # noqa: S608  # our own names
    return count
