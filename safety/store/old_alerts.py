"""Old alerts: what was closed long ago, deleted with all that belongs to it."""

from sqlalchemy import Connection, exists, func, select

from safety.store.tables import alerts, commands, dead_letters, deliveries, handouts, notifications, timeline

_CLOSED = ("resolved", "cancelled")
_AT_ONCE = 500


def forget_alerts(connection: Connection, before_ms: int) -> int:
    """Delete some of the closed alerts on which nothing has happened since `before_ms`; return how many.

    Call it until it returns 0.
    """
    later = exists().where(timeline.c.alert == alerts.c.id, timeline.c.at_ms >= before_ms)
    old = select(alerts.c.id).where(alerts.c.raised_ms < before_ms, alerts.c.state.in_(_CLOSED), ~later)
    ids = list(connection.execute(old.order_by(alerts.c.raised_ms).limit(_AT_ONCE)).scalars())
    for table in (timeline, notifications):
        connection.execute(table.delete().where(table.c.alert.in_(ids)))
    connection.execute(alerts.delete().where(alerts.c.id.in_(ids)))
    return len(ids)


def forget_commands(connection: Connection, before_ms: int) -> int:
    """Delete some of what devices were told, or could not be told, before `before_ms`; return how many."""
    # Not `due_ms IS NULL`: for that SQLite goes through all that was ever told.
    told = func.coalesce(commands.c.due_ms, -1) < 0
    old = select(commands.c.id).where(commands.c.created_ms < before_ms, told)
    ids = list(connection.execute(old.order_by(commands.c.created_ms).limit(_AT_ONCE)).scalars())
    for table in (deliveries, handouts):
        connection.execute(table.delete().where(table.c.command.in_(ids)))
    connection.execute(commands.delete().where(commands.c.id.in_(ids)))
    return len(ids)


def forget_letters(connection: Connection, before_ms: int) -> int:
    """Delete some of the dead letters from before `before_ms`; return how many."""
    old = select(dead_letters.c.seq).where(dead_letters.c.at_ms < before_ms).order_by(dead_letters.c.seq)
    seqs = list(connection.execute(old.limit(_AT_ONCE)).scalars())
    connection.execute(dead_letters.delete().where(dead_letters.c.seq.in_(seqs)))
    return len(seqs)
