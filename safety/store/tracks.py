"""Tracks in the store: many points at once, each of them once."""

from collections.abc import Sequence
from typing import Any

from psycopg.errors import DataError, UniqueViolation
from sqlalchemy import Connection

from safety.rules.effects import PlacePosition
from safety.store.bulk import Row, insert_new
from safety.store.postgres import is_postgres
from safety.store.tables import tracks

_TYPES = {
    "nurse": "text",
    "time_ms": "int8",
    "device": "text",
    "visit": "text",
    "lat": "float8",
    "lon": "float8",
    "accuracy_m": "float8",
    "received_ms": "int8",
}
_COLUMNS = tuple(_TYPES)
_COPY = f"COPY tracks ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_WORTH_COPYING = 8


def store_tracks(connection: Connection, places: Sequence[PlacePosition]) -> None:
    """Store what of `places` belongs to a track; a point that is there already stays as it is."""
    points = [_point(place) for place in places if place.visit is not None or place.alarmed]
    if is_postgres(connection) and len(points) >= _WORTH_COPYING and _copy(connection, points):
        return
    insert_new(connection, tracks, _COLUMNS, points)


def _point(place: PlacePosition) -> Row:
    sight = place.sight
    position = sight.position
    return (
        sight.nurse,
        sight.time_ms,
        sight.device,
        place.visit,
        position.lat,
        position.lon,
        position.accuracy_m,
        sight.received_ms,
    )


def _copy(connection: Connection, points: Sequence[Row]) -> bool:
    """Write all points as a stream; False: one of them is there already, and none was written.

    That is so after a crash, for the few batches that run again; or its text holds what a stream may not.
    """
    driver: Any = connection.connection.driver_connection
    try:
        with connection.begin_nested(), driver.cursor() as cursor, cursor.copy(_COPY) as stream:
            stream.set_types(list(_TYPES.values()))
            for point in points:
                stream.write_row(point)
    except (UniqueViolation, DataError):
        return False
    return True
