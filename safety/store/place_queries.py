"""Positions and tracks as people read them."""

from typing import Any

from sqlalchemy import Connection, Row, Select, select

from safety.errors import NotFound
from safety.store.queries import Listed, Page, Scope, read_page, read_wide_page
from safety.store.tables import nurses, positions, tracks


def select_positions() -> Select[Any]:
    """Return the last positions with the nurses' names."""
    return select(positions, nurses.c.name.label("nurse_name")).join(nurses, nurses.c.id == positions.c.nurse)


def list_positions(connection: Connection, scope: Scope, page: Page) -> Listed:
    """Return the last position of each nurse; the key is (nurse)."""
    seen = scope.covers_unless_all(connection, nurses.c.org)
    return read_wide_page(connection, select_positions(), seen, (positions.c.nurse,), page)


def find_nurse(connection: Connection, scope: Scope, nurse: str) -> Row[Any]:
    """Return a nurse.

    Raises:
        NotFound: there is none, or she is another organisation's.
    """
    row = connection.execute(select(nurses).where(nurses.c.id == nurse, scope.covers(nurses.c.org))).first()
    if row is None:
        raise NotFound(f"no nurse {nurse}")
    return row


def read_track(connection: Connection, nurse: str, from_ms: int, to_ms: int, page: Page) -> Listed:
    """Return the points with `from_ms` <= time_ms < `to_ms`, oldest first; the key is (time_ms, device).

    The caller has found the nurse in its scope (`find_nurse`) and writes the reading to the audit trail.
    """
    statement = select(tracks).where(
        tracks.c.nurse == nurse, tracks.c.time_ms >= from_ms, tracks.c.time_ms < to_ms
    )
    return read_page(connection, statement, (tracks.c.time_ms, tracks.c.device), page)
