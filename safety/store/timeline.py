"""The timeline: what happened to an alert, in order; its sequence is the cursor of the live feed.

An entry's id is derived from its cause, so a cause that comes again (a replay after a crash) changes
nothing.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from safety.domain.alert import TimelineWord
from safety.store.once import insert_once
from safety.store.tables import alerts, timeline


def write_entry(
    connection: Connection,
    alert_id: str,
    entry_id: str,
    at_ms: int,
    what: TimelineWord,
    actor: str | None,
    detail: Mapping[str, Any],
) -> bool:
    """Write one entry; tell whether it was new."""
    entry = {"id": entry_id, "alert": alert_id, "at_ms": at_ms, "what": what, "actor": actor}
    return insert_once(connection, timeline, [{**entry, "detail": dict(detail)}]) > 0


def bump(connection: Connection, alert_id: str, changes: Mapping[str, Any]) -> None:
    """Make `changes` to an alert that a person must know of before they act on it: its next version."""
    change = alerts.update().where(alerts.c.id == alert_id)
    connection.execute(change.values(version=alerts.c.version + 1, **changes))


def last_actor(connection: Connection, alert_id: str) -> str | None:
    """Return the login of whoever did something with the alert last."""
    acted = select(timeline.c.actor).where(timeline.c.alert == alert_id, timeline.c.actor.is_not(None))
    return connection.execute(acted.order_by(timeline.c.seq.desc()).limit(1)).scalar()


def last_paging(connection: Connection, alert_id: str) -> Row[int, dict[str, Any]] | None:
    """Return when (`at_ms`) the ladder last told anybody of an alert, and its `detail`."""
    told = select(timeline.c.at_ms, timeline.c.detail).where(
        timeline.c.alert == alert_id, timeline.c.what.in_(("escalated", "exhausted"))
    )
    return connection.execute(told.order_by(timeline.c.seq.desc()).limit(1)).first()
