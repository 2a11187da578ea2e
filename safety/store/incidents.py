"""Incidents in the store: what a new alert joins, and what follows when one of them is taken or closed."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, or_, select

from devices.identity import derived_id, new_id
from safety.domain.alert import OPEN_STATES
from safety.domain.incident import WINDOW_S, Joining, Member, join, kept_until_ms, released, taken_with
from safety.store.device_notice import tell_all
from safety.store.tables import alerts, timeline
from safety.store.timeline import bump, write_entry

_CLOSED_STATES = ("resolved", "cancelled")
# Not the reasons and positions: a nurse may have many alerts open, and each new one looks at all of them.
_DECIDING = (
    *(alerts.c.id, alerts.c.incident, alerts.c.kind, alerts.c.severity, alerts.c.state, alerts.c.test),
    *(alerts.c.received_ms, alerts.c.due_ms, alerts.c.escalation_level, alerts.c.held_by),
)


def find_incident(connection: Connection, row: Mapping[str, Any]) -> Joining:
    """Decide which incident a new alert (its `row` to be) belongs to, and whether it pages.

    What is open of the nurse's alerts stays locked until the transaction ends: an acknowledgement or a
    closing comes either before and is seen here, or after and sees the new alert.
    """
    new = Member(
        id=row["id"],
        incident=row["id"],
        kind=row["kind"],
        severity=row["severity"],
        state=row["state"],
        test=row["test"],
        received_ms=row["received_ms"],
        due_ms=row["due_ms"],
    )
    if row["nurse"] is None:
        return join(new, ())
    being_open, recent = _hers()
    hers = {"nurse": row["nurse"], "org": row["org"], "test": row["test"]}
    window_ms = round(WINDOW_S * 1000)
    lately = {"from_ms": new.received_ms - window_ms, "to_ms": new.received_ms + window_ms}
    rows = connection.execute(being_open, hers).all()
    return join(new, [_member(one) for one in (*rows, *connection.execute(recent, hers | lately))])


@cache
def _hers() -> tuple[Any, Any]:
    """Return the statements for what is open of a nurse's alerts, locked, and what was closed in between."""
    of_nurse = _members(*_DECIDING).where(
        alerts.c.nurse == bindparam("nurse"),
        alerts.c.org == bindparam("org"),
        alerts.c.test == bindparam("test"),
    )
    being_open = of_nurse.where(alerts.c.state.in_(sorted(OPEN_STATES)))
    recent = of_nurse.where(
        alerts.c.state.in_(_CLOSED_STATES),
        alerts.c.received_ms.between(bindparam("from_ms"), bindparam("to_ms")),
    )
    return being_open.order_by(alerts.c.id).with_for_update(of=alerts), recent


def tell_incident(connection: Connection, row: Mapping[str, Any], joining: Joining, now_ms: int) -> None:
    """Write on the new alert's timeline why nobody is paged again, and on the lead's what has joined it."""
    if joining.held_by is not None:
        text = "nobody is paged again: another alert of the same nurse, at least as severe, is "
        text += "being paged" if joining.reason == "lead_is_paged" else "in somebody's hands"
        detail = {"reason": joining.reason, "text": text, "alert": joining.held_by}
        write_entry(connection, row["id"], derived_id("held", row["id"]), now_ms, "note", None, detail)
    if joining.lead is not None:
        detail = {"alert": row["id"], "kind": row["kind"], "severity": row["severity"]}
        entry = derived_id("joined", row["id"])
        write_entry(connection, joining.lead, entry, now_ms, "evidence", None, detail)


def lock_incident(connection: Connection, alert_id: str) -> None:
    """Hold all alerts of the alert's incident, in one order, until the transaction ends."""
    if connection.dialect.name == "sqlite":
        return  # one writer at a time
    same = select(alerts.c.incident).where(alerts.c.id == alert_id).scalar_subquery()
    locked = select(alerts.c.id).where(alerts.c.incident == same).order_by(alerts.c.id)
    connection.execute(locked.with_for_update()).all()


def release_held(connection: Connection, closed: Row[Any], at_ms: int) -> None:
    """Make due at once what the alert just closed answered for and nothing else does.

    What was taken with it has been nobody's to go on with by itself, and is from now on.
    """
    rows = _rows_of(connection, closed)
    for row in rows:
        if row.state == "acknowledged" and row.due_ms is None:
            change = alerts.update().where(alerts.c.id == row.id)
            connection.execute(change.values(due_ms=forgotten_ms(row, at_ms)))
    held = {row.id: row for row in rows}
    for member in released([_member(row) for row in rows], at_ms):
        text = "the alert that answered for this one was closed: people are paged for it now"
        detail = {"reason": "lead_was_closed", "text": text, "alert": closed.id}
        entry = derived_id("released", member.id, closed.id)
        write_entry(connection, member.id, entry, at_ms, "note", None, detail)
        due_ms = max(at_ms, held[member.id].cancel_until_ms or 0)
        change = alerts.update().where(alerts.c.id == member.id)
        connection.execute(change.values(held_by=None, due_ms=due_ms))


def forgotten_ms(taken: Row[Any], at_ms: int) -> int | None:
    """Return when an alert that was taken at `at_ms` is raised again if nobody goes on; None: never."""
    if taken.test or taken.severity == "info":
        return None  # nobody was paged for it
    return at_ms + round(WINDOW_S * 1000)


def take_held(connection: Connection, taken: Row[Any], actor: str, at_ms: int) -> list[str]:
    """Acknowledge what was never paged because `taken` answered for it; return the ids."""
    rows = {row.id: row for row in _rows_of(connection, taken)}
    members = [_member(row) for row in rows.values()]
    also = [rows[member.id] for member in taken_with(_member(rows[taken.id]), members)]
    changes = {"state": "acknowledged", "held_by": None, "due_ms": None, "owner": actor}
    for row in also:
        detail = {"with": taken.id}
        write_entry(connection, row.id, new_id("act"), at_ms, "acknowledged", actor, detail)
        bump(connection, row.id, changes)
        tell_all(connection, "alarm_acknowledged", row, at_ms)
    return [row.id for row in also]


def kept_until(connection: Connection, taken: Row[Any]) -> int | None:
    """Return until when what people did with an alert's incident counts as progress."""
    return kept_until_ms([_member(row) for row in _rows_of(connection, taken)])


def close_open(
    connection: Connection, closed: Row[Any], actor: str, detail: Mapping[str, Any], at_ms: int
) -> list[str]:
    """Resolve all that is open of the incident as `closed` was; return the ids."""
    also = [row for row in _rows_of(connection, closed) if row.id != closed.id]
    changes = {"state": "resolved", "resolution": detail["reason"], "held_by": None, "due_ms": None}
    for row in also:
        told = {**detail, "with": closed.id}
        write_entry(connection, row.id, new_id("act"), at_ms, "resolved", actor, told)
        bump(connection, row.id, changes | {"owner": row.owner or actor})
        tell_all(connection, "alarm_closed", row, at_ms)
    return [row.id for row in also]


def _rows_of(connection: Connection, one: Row[Any]) -> Sequence[Row[Any]]:
    """Return what is open of an alert's incident, itself too if it is."""
    same = or_(alerts.c.incident == (one.incident or one.id), alerts.c.id == one.id)
    members = _members(alerts).where(same, alerts.c.state.in_(sorted(OPEN_STATES)))
    return connection.execute(members.order_by(alerts.c.id)).all()


def _members(*columns: Any) -> Any:
    acts = select(func.max(timeline.c.at_ms)).where(
        timeline.c.alert == alerts.c.id, timeline.c.actor.is_not(None)
    )
    return select(*columns, acts.scalar_subquery().label("acted_ms"))


def _member(row: Row[Any]) -> Member:
    return Member(
        id=row.id,
        incident=row.incident or row.id,
        kind=row.kind,
        severity=row.severity,
        state=row.state,
        test=row.test,
        received_ms=row.received_ms,
        due_ms=row.due_ms,
        escalation_level=row.escalation_level,
        acted_ms=row.acted_ms,
        held=row.held_by is not None,
    )
