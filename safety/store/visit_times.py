"""Visit times: which visits are on, without a look at all that are planned or were."""

from sqlalchemy import ColumnElement, Connection, and_, select

from safety.store.tables import visits


def longest_visit_ms(connection: Connection) -> int:
    """Return how long the longest visit lasts, 0 without any."""
    lasts_ms = visits.c.ends_ms - visits.c.starts_ms
    return int(connection.execute(select(lasts_ms).order_by(lasts_ms.desc()).limit(1)).scalar() or 0)


def on_a_visit(connection: Connection, now_ms: int) -> ColumnElement[bool]:
    """Return the condition that a visit is on, by plan, and was not cancelled.

    It ends within the time of the longest one, so those planned for the days after are passed by.
    """
    ends_ms = visits.c.ends_ms
    last_end_ms = now_ms + longest_visit_ms(connection)
    is_planned = visits.c.cancelled_ms.is_(None)
    return and_(ends_ms > now_ms, ends_ms <= last_end_ms, visits.c.starts_ms <= now_ms, is_planned)
