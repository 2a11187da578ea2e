"""Tracks in the store: many points at once, each of them once."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection

from safety.store.once import insert_once
from safety.store.postgres import is_postgres
from safety.store.tables import tracks

_COLUMNS = tuple(tracks.columns.keys())
_COPY = f"COPY tracks ({', '.join(_COLUMNS)}) FROM STDIN"
_WORTH_COPYING = 8


def insert_points(connection: Connection, points: Sequence[Mapping[str, Any]]) -> None:
    """Insert points, leaving out those that are there already."""
    if is_postgres(connection) and len(points) >= _WORTH_COPYING and _copy(connection, points):
        return
    insert_once(connection, tracks, points)


def _copy(connection: Connection, points: Sequence[Mapping[str, Any]]) -> bool:
    """Write all points as a stream; False: one of them is there already, and none was written.

    That is so after a crash, for the few batches that run again.
    """
    driver: Any = connection.connection.driver_connection
    try:
        with connection.begin_nested(), driver.cursor() as cursor, cursor.copy(_COPY) as stream:
            for point in points:
                stream.write_row([point[column] for column in _COLUMNS])
    except UniqueViolation:
        return False
    return True
