"""Days of tracks: on PostgreSQL each day's points are a table of their own, so that a day goes at once.

What is of no such day (a device's clock may say anything) is kept in one more table, the default.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, text

from safety.store.postgres import is_postgres
from safety.store.tables import nurses, positions, tracks

DAY_MS = 86_400_000
_AHEAD = 2
_PREFIX = "tracks_"


def make_days(connection: Connection, now_ms: int) -> None:
    """Make the tables of yesterday and today, and of the days that come next; elsewhere there are none."""
    if not is_postgres(connection):
        return
    there = set(_days(connection))
    for offset in range(-1, _AHEAD + 1):
        start_ms = (now_ms // DAY_MS + offset) * DAY_MS
        if start_ms not in there:
            _make_day(connection, start_ms)


def forget_days(connection: Connection, before_ms: int) -> int:
    """Drop the tables of days that were over before `before_ms`; return how many."""
    if not is_postgres(connection):
        return 0
    old = [start_ms for start_ms in _days(connection) if start_ms + DAY_MS <= before_ms]
    for start_ms in old:
        connection.execute(text(f"DROP TABLE {_name(start_ms)}"))
    return len(old)


def forget_points(connection: Connection, nurse: str, before_ms: int) -> int:
    """Delete what there is of a nurse's track, and her last position, from before; return how many points."""
    last = positions.delete().where(positions.c.nurse == nurse, positions.c.received_ms < before_ms)
    connection.execute(last)
    old = tracks.delete().where(tracks.c.nurse == nurse, tracks.c.time_ms < before_ms)
    return connection.execute(old).rowcount


def forget_points_ahead(connection: Connection, before_ms: int) -> int:
    """Delete the points from before whose devices' clocks were ahead, maybe by years; return how many."""
    old = tracks.delete().where(tracks.c.time_ms > tracks.c.received_ms, tracks.c.received_ms < before_ms)
    return connection.execute(old).rowcount


def tracked_nurses(connection: Connection) -> list[str]:
    """Return all nurses, in order."""
    return list(connection.execute(select(nurses.c.id).order_by(nurses.c.id)).scalars())


def _make_day(connection: Connection, start_ms: int) -> None:
    name, end_ms = _name(start_ms), start_ms + DAY_MS
    # Points of the day may have come in before it had a table; what is in the default cannot be in a day.
    moving = f"""
        WITH early AS (
            DELETE FROM tracks_default WHERE time_ms >= {start_ms} AND time_ms < {end_ms} RETURNING *
        )
        INSERT INTO {name} SELECT * FROM early
    """  # noqa: S608  # numbers, and names made of them
    for statement in (
        f"CREATE TABLE {name} (LIKE tracks INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)",
        moving,
        f"ALTER TABLE tracks ATTACH PARTITION {name} FOR VALUES FROM ({start_ms}) TO ({end_ms})",
    ):
        connection.execute(text(statement))


def _days(connection: Connection) -> list[int]:
    """Return when each day that has a table begins, epoch ms."""
    names = connection.execute(
        text(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "WHERE inhparent = 'tracks'::regclass AND child.relname <> 'tracks_default' ORDER BY 1"
        )
    ).scalars()
    starts = (datetime.strptime(name, f"{_PREFIX}%Y%m%d").replace(tzinfo=UTC) for name in names)
    return [round(start.timestamp() * 1000) for start in starts]


def _name(start_ms: int) -> str:
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=start_ms)
    return f"{_PREFIX}{day:%Y%m%d}"
