"""The alerts' repository: how the engine raises them, and what people do with them.

Whatever happens to an alert is one timeline entry. The version grows with what a person must know before
acting on it (what people did, the state), not with what the engine or routing adds.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, union_all

from devices.identity import derived_id, new_id
from safety.domain.alert import OPEN_STATES, Action, TimelineWord, transition
from safety.errors import Conflict, NotFound
from safety.rules.effects import AlarmRepeated, CancelAlert, NoteAlert, RaiseAlert
from safety.store.device_notice import confirm, confirm_again, tell_all
from safety.store.incidents import (
    close_open,
    find_incident,
    forgotten_ms,
    lock_incident,
    release_held,
    take_held,
    tell_incident,
)
from safety.store.pace import slacken
from safety.store.tables import alerts, timeline
from safety.store.timeline import bump, last_actor, write_entry

# Built once: to build a statement takes five times as long as to run it, with the store's one writer held.
_STORED = union_all(
    select(alerts.c.id).where(alerts.c.id.in_(bindparam("causes", expanding=True))),
    select(timeline.c.id).where(timeline.c.id.in_(bindparam("joined", expanding=True))),
)
_OPEN_OF_KIND = select(alerts.c.id, alerts.c.state, alerts.c.raised_ms).where(
    alerts.c.kind == bindparam("kind"),
    alerts.c.test == bindparam("test"),
    alerts.c.org == bindparam("org"),
    alerts.c.state.in_(sorted(OPEN_STATES)),
)
_OPEN_OF_NURSE = _OPEN_OF_KIND.where(alerts.c.nurse == bindparam("nurse")).with_for_update()
# What is graver than the open alert would go unseen on its timeline.
_OPEN_OF_DEVICE = _OPEN_OF_KIND.where(
    alerts.c.device.is_not_distinct_from(bindparam("device")), alerts.c.severity == bindparam("severity")
).with_for_update()
_INSERTION = alerts.insert()
_BY_ID = select(alerts.c.id).where(alerts.c.id == bindparam("id"))
_MERGED = select(timeline.c.alert).where(timeline.c.id == bindparam("entry"))

_TIMELINE_WORD: dict[Action, TimelineWord] = {
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "dispatch": "dispatched",
    "arrive": "on_scene",
    "note": "note",
    "verify": "verified",
    "resolve": "resolved",
}


def raise_alert(connection: Connection, raised: RaiseAlert, now_ms: int) -> None:
    """Store a raised alert, unless it is stored already; see `raise_new`."""
    if not stored_alerts(connection, [raised.id]):
        raise_new(connection, raised, now_ms)


def stored_alerts(connection: Connection, causes: Collection[str]) -> set[str]:
    """Return which of `causes` (ids that the engine derived) became alerts or joined one."""
    joined = {derived_id("merged", cause): cause for cause in causes}
    found = connection.execute(_STORED, {"causes": list(causes), "joined": list(joined)}).scalars()
    return {joined.get(id, id) for id in found}


def raise_new(connection: Connection, raised: RaiseAlert, now_ms: int) -> None:
    """Store a raised alert, or note it on the open one that it belongs to; tell the device.

    One that another alert of the same incident answers for pages nobody (`safety.domain.incident`).
    """
    open_alert = _open_alert(connection, raised)
    if open_alert is not None:
        _merge(connection, raised, open_alert, now_ms)
        return
    row = _new_row(raised, now_ms)
    joining = find_incident(connection, row)
    row |= {"incident": joining.incident, "held_by": joining.held_by}
    if joining.held_by is not None:
        row["due_ms"] = None
    connection.execute(_INSERTION, row)
    detail = {"kind": raised.kind, "source_event": raised.source_event, "why": raised.why}
    write_entry(connection, raised.id, derived_id("raised", raised.id), now_ms, "raised", None, detail)
    tell_incident(connection, row, joining, now_ms)
    confirm(connection, raised, raised.id, raised.received_ms)


def repeat_alarm(connection: Connection, repeated: AlarmRepeated) -> None:
    """Tell a device once more that its alarm was received."""
    alert = _alert_of(connection, repeated.alert)
    if alert is not None:
        confirm_again(connection, repeated, alert)


def note_alert(connection: Connection, note: NoteAlert) -> None:
    """Write on the timeline what the engine saw."""
    alert = _alert_of(connection, note.alert)
    if alert is not None:
        write_entry(connection, alert, note.id, note.at_ms, note.what, None, note.detail)


def cancel_alert(connection: Connection, cancelled: CancelAlert) -> None:
    """Close an alarm that was taken back in time, unless a person already took it up."""
    lock_incident(connection, cancelled.alert)
    row = connection.execute(select(alerts).where(alerts.c.id == cancelled.alert)).first()
    if row is None:
        return
    detail = {"reason": cancelled.reason}
    if row.state != "raised":
        detail["taken_up"] = row.state
    if not write_entry(connection, row.id, cancelled.id, cancelled.at_ms, "cancelled", None, detail):
        return
    if row.state != "raised":
        return
    bump(connection, row.id, {"state": "cancelled", "due_ms": None, "held_by": None})
    tell_all(connection, "alarm_closed", row, cancelled.at_ms)
    release_held(connection, row, cancelled.at_ms)
    slacken(connection, row, cancelled.at_ms)


def act(
    connection: Connection,
    alert_id: str,
    action: Action,
    *,
    actor: str,
    version: int | None,
    detail: Mapping[str, Any],
    at_ms: int,
) -> list[str]:
    """Do what a person wants with an alert, if it is still at the `version` they saw (None: any).

    Whoever takes it takes what it answers for as well; closing it closes its whole incident only where
    `detail` says `incident`. Returns the ids of the other alerts that this changed in the person's name.

    Raises:
        NotFound: there is no such alert.
        Conflict: someone was first.
        RefusedAction: the action makes no sense in its state.
    """
    lock_incident(connection, alert_id)
    row = connection.execute(select(alerts).where(alerts.c.id == alert_id).with_for_update()).first()
    if row is None:
        raise NotFound(f"no alert {alert_id}")
    if version is not None and version != row.version:
        by = last_actor(connection, alert_id)
        raise Conflict(f"the alert is at version {row.version}", alert_id, row.version, by)
    after = transition(row.state, action)
    changes: dict[str, Any] = {"state": after.state}
    if after.stops_escalation:
        due_ms = forgotten_ms(row, at_ms) if after.state == "acknowledged" else None
        changes |= {"due_ms": due_ms, "held_by": None, "owner": row.owner or actor}
    if action == "assign":
        changes["owner"] = detail.get("user") or detail.get("responder") or actor
    if action == "resolve":
        changes["resolution"] = detail["reason"]
    write_entry(connection, alert_id, new_id("act"), at_ms, _TIMELINE_WORD[action], actor, detail)
    if action != "note":
        bump(connection, alert_id, changes)
    return _follow(connection, row, action, actor, detail, at_ms) if after.stops_escalation else []


def _follow(
    connection: Connection, row: Row[Any], action: Action, actor: str, detail: Mapping[str, Any], at_ms: int
) -> list[str]:
    """Tell the devices what `action` did to the alert (`row`: as it was before), and see to its incident."""
    if action != "resolve":
        if row.state == "raised":
            tell_all(connection, "alarm_acknowledged", row, at_ms)
        return take_held(connection, row, actor, at_ms)
    tell_all(connection, "alarm_closed", row, at_ms)
    also: list[str] = []
    if detail.get("incident"):
        also = close_open(connection, row, actor, detail, at_ms)
    else:
        release_held(connection, row, at_ms)
    slacken(connection, row, at_ms)
    return also


def _open_alert(connection: Connection, raised: RaiseAlert) -> Row[str, str, int] | None:
    if raised.merges is None:
        return None
    same: dict[str, Any] = {"kind": raised.kind, "test": raised.test, "org": raised.org}
    if raised.merges == "device" or raised.nurse is None:
        same |= {"device": raised.device, "severity": raised.severity}
        rows = connection.execute(_OPEN_OF_DEVICE, same).all()
    else:
        rows = connection.execute(_OPEN_OF_NURSE, same | {"nurse": raised.nurse}).all()
    # Ordered here: asked to order them, SQLite reads all that the organisation ever had by their time.
    return max(rows, key=lambda row: row.raised_ms, default=None)


def _merge(connection: Connection, raised: RaiseAlert, onto: Row[str, str, int], now_ms: int) -> None:
    """Note a further press on the open alert; whatever was done about it must be taken up again."""
    pressed = raised.merges == "nurse"
    detail = {
        "source_event": raised.source_event,
        "device": raised.device,
        "alarm": raised.alarm,
        "alarm_seq": raised.alarm_seq,
        "position": position_of(raised),
        **({"silent": True} if raised.silent else {}),
    }
    if pressed and onto.state != "raised":
        detail["taken_up"] = onto.state
    entry_id = derived_id("merged", raised.id)
    what: TimelineWord = "pressed_again" if pressed else "evidence"
    write_entry(connection, onto.id, entry_id, now_ms, what, None, detail)
    changes: dict[str, Any] = {}
    if raised.position is not None:
        changes["position"] = position_of(raised)
    if raised.silent:
        changes["silent"] = True
    if pressed:
        changes |= {"state": "raised", "escalation_level": 0, "due_ms": now_ms, "held_by": None}
    if onto.state != changes.get("state", onto.state):
        bump(connection, onto.id, changes)
    elif changes:
        connection.execute(alerts.update().where(alerts.c.id == onto.id).values(changes))
    confirm(connection, raised, onto.id, raised.received_ms)


def _new_row(raised: RaiseAlert, now_ms: int) -> dict[str, Any]:
    return {
        "id": raised.id,
        "kind": raised.kind,
        "severity": raised.severity,
        "state": "raised",
        "org": raised.org,
        "nurse": raised.nurse,
        "device": raised.device,
        "visit": raised.visit,
        "occurred_ms": raised.occurred_ms,
        "received_ms": raised.received_ms,
        "raised_ms": now_ms,
        "position": position_of(raised),
        "test": raised.test,
        "silent": raised.silent,
        "late": raised.late,
        "doubts": list(raised.doubts),
        "why": raised.why,
        "alarm": raised.alarm,
        "alarm_seq": raised.alarm_seq,
        "source_event": raised.source_event,
        "cancel_until_ms": raised.cancel_until_ms,
        "due_ms": raised.cancel_until_ms or now_ms,
        "version": 1,
    }


def position_of(raised: RaiseAlert) -> dict[str, Any] | None:
    """Return the position of a raised alert as the store has it."""
    position = raised.position
    if position is None:
        return None
    return {
        "lat": position.lat,
        "lon": position.lon,
        "accuracy_m": position.accuracy_m,
        "time_ms": position.time_ms if position.time_ms is not None else raised.occurred_ms,
    }


def _alert_of(connection: Connection, cause: str) -> str | None:
    """Return the alert that `cause` (an id the engine derived) became: itself, or the one it joined."""
    if connection.execute(_BY_ID, {"id": cause}).first() is not None:
        return cause
    return connection.execute(_MERGED, {"entry": derived_id("merged", cause)}).scalar()
