"""Alerts of a week, in all states, with what was written, sent and told because of each."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from devices.identity import derived_id
from safety.bench.week.bulk import fill
from safety.bench.week.people import RECORDERS_EVERY
from safety.bench.week.plan import Visit
from safety.bench.week.size import HOUR_MS, MINUTE_MS, NOW_MS, named
from safety.store.tables import alerts, commands, deliveries, handouts, notifications, timeline

VISITS_EVERY = 28
"""One alert for so many visits."""
OPEN = 50
_SAME_INCIDENT = 0.12
_CANCELLED = 0.15
_KINDS = {
    "panic": ("critical", 0.08),
    "fall": ("high", 0.03),
    "missed_check_in": ("high", 0.2),
    "fence_exit": ("warning", 0.26),
    "overdue_visit": ("high", 0.15),
    "device_silent": ("warning", 0.15),
    "battery_low": ("info", 0.1),
    "device_fault": ("info", 0.03),
}
_OF_DEVICES = ("battery_low", "device_fault")
_OPEN_STATES = ("raised", "acknowledged", "raised", "dispatched", "on_scene")
_DISPATCHERS = 20

Entry = tuple[int, str, str | None, dict[str, Any]]


class Alert(NamedTuple):
    """An alert, the visit during which it came up, and the alert that opened its incident."""

    id: str
    kind: str
    state: str
    visit: Visit
    at_ms: int
    incident: str
    owner: str | None

    @property
    def is_open(self) -> bool:
        """Tell whether somebody must still see to it."""
        return self.state not in {"resolved", "cancelled"}


def dispatcher(number: int) -> str:
    """Return the login of one of those who see to alerts."""
    return f"dispatcher-{number % _DISPATCHERS}"


def make_alerts(planned: list[Visit]) -> list[Alert]:
    """Return the alerts of these visits in the order in which they were raised."""
    rng = np.random.default_rng(5)
    begun = [visit for visit in planned if visit.starts_ms < NOW_MS - HOUR_MS // 6]
    chosen = np.sort(rng.choice(len(begun), max(OPEN, len(begun) // VISITS_EVERY) // 2 * 2)).tolist()
    kinds = rng.choice(list(_KINDS), len(chosen), p=[part for _, part in _KINDS.values()]).tolist()
    draws = rng.random((len(chosen), 3)).tolist()
    made: list[Alert] = []
    for number, (at, kind, (when, joins, ends)) in enumerate(zip(chosen, kinds, draws, strict=True)):
        id = derived_id("bench", "alert", str(number))
        visit, incident = begun[at], id
        if joins < _SAME_INCIDENT and made:
            visit, incident = made[-1].visit, made[-1].incident
        at_ms = visit.starts_ms + round(when * min(HOUR_MS, NOW_MS - visit.starts_ms - MINUTE_MS))
        state = "cancelled" if ends < _CANCELLED else "resolved"
        if number >= len(chosen) - OPEN:
            state = _OPEN_STATES[number % len(_OPEN_STATES)]
        owner = None if state in {"raised", "cancelled"} else dispatcher(number)
        made.append(Alert(id, kind, state, visit, at_ms, incident, owner))
    return sorted(made, key=lambda alert: (alert.at_ms, alert.id))


def store_alerts(connection: Connection, made: list[Alert]) -> int:
    """Store alerts and what belongs to them; return how many rows."""
    entries = sorted(
        ((alert.id, *entry) for alert in made for entry in _story(alert)), key=lambda entry: entry[1]
    )
    told = [row for alert in made for row in _commands(alert)]
    over_http = {one["id"] for one in told if int(one["id"][-2:], 16) % RECORDERS_EVERY == 0}
    return sum(
        (
            fill(connection, alerts, map(_alert, made)),
            fill(connection, timeline, (_entry(number, *entry) for number, entry in enumerate(entries))),
            fill(connection, notifications, (row for alert in made for row in _notifications(alert))),
            fill(connection, commands, told),
            fill(connection, deliveries, (_delivery(row) for row in told if row["kind"] in _ASKED)),
            fill(connection, handouts, (_handout(row) for row in told if row["id"] in over_http)),
        )
    )


def _alert(alert: Alert) -> dict[str, Any]:
    nurse, waits = alert.visit.nurse, alert.state == "raised"
    held_by = alert.incident if alert.is_open and alert.incident != alert.id else None
    return {
        "id": alert.id,
        "kind": alert.kind,
        "severity": _KINDS[alert.kind][0],
        "state": alert.state,
        "org": nurse.org,
        "nurse": nurse.id,
        "device": nurse.phone,
        "visit": alert.visit.id,
        "occurred_ms": alert.at_ms - 300,
        "received_ms": alert.at_ms - 100,
        "raised_ms": alert.at_ms,
        "position": _place(alert),
        "escalation_level": 1,
        "owner": alert.owner,
        "test": False,
        "silent": False,
        "late": False,
        "doubts": [],
        "why": {"rule": alert.kind, "grace_s": 900.0, "measured_s": 1012.4, "visit": alert.visit.id},
        "alarm": f"{nurse.phone}-{alert.at_ms}",
        "alarm_seq": alert.at_ms // 1000,
        "source_event": f"{nurse.phone}/{alert.kind}/{alert.at_ms}",
        "resolution": "assisted" if alert.state == "resolved" else None,
        "cancel_until_ms": None,
        "due_ms": NOW_MS + 5 * MINUTE_MS if waits and held_by is None else None,
        "version": 4 if alert.state == "resolved" else 2,
        "incident": alert.incident,
        "held_by": held_by,
    }


def _place(alert: Alert) -> dict[str, Any] | None:
    if alert.kind in _OF_DEVICES:
        return None
    return {"lat": alert.visit.lat, "lon": alert.visit.lon, "accuracy_m": 12.0, "time_ms": alert.at_ms}


def _story(alert: Alert) -> Iterator[Entry]:
    """Yield what happened to an alert: when, what, by whom."""
    names = ["On call"]
    tier = {"tier": 1, "reason": "due", "responders": [named("rsp", 0)], "names": names}
    at_ms = alert.at_ms
    yield at_ms, "raised", None, {"kind": alert.kind, "source_event": alert.id, "why": {"rule": alert.kind}}
    yield at_ms + 20, "escalated", None, tier
    yield at_ms + 300, "notified", None, {"notification": alert.id, "responder": named("rsp", 0), **tier}
    if alert.state == "cancelled":
        yield at_ms + 15_000, "cancelled", None, {"reason": "pin"}
    if alert.owner is None:
        return
    yield at_ms + 25_000, "acknowledged", alert.owner, {}
    if alert.state == "acknowledged":
        return
    yield at_ms + 40_000, "note", alert.owner, {"text": "Called her: she does not answer. Sending somebody."}
    if alert.state in {"dispatched", "on_scene"}:
        yield at_ms + 50_000, "dispatched", alert.owner, {"responder": named("rsp", 1)}
    if alert.state == "resolved":
        yield at_ms + 600_000, "resolved", alert.owner, {"reason": "assisted"}
        yield (
            at_ms + 600_900,
            "device_told",
            None,
            {"device": alert.visit.nurse.phone, "kind": "alarm_closed"},
        )


def _entry(
    number: int, alert: str, at_ms: int, what: str, actor: str | None, detail: dict[str, Any]
) -> dict[str, Any]:
    id = derived_id(alert, what, str(number))
    return {"id": id, "alert": alert, "at_ms": at_ms, "what": what, "actor": actor, "detail": detail}


def _notifications(alert: Alert) -> Iterator[dict[str, Any]]:
    """Yield what people were sent, one of them twice; the newest open ones are still to be told."""
    for tier in (1, 2):
        waits = alert.state == "raised" and tier == 2
        yield {
            "id": derived_id(alert.id, "notify", str(tier)),
            "alert": alert.id,
            "responder": named("rsp", tier),
            "channel": "log:",
            "tier": tier,
            "state": "pending" if waits else "sent",
            "attempts": 1,
            "created_ms": alert.at_ms + 20,
            "due_ms": NOW_MS + MINUTE_MS if waits else None,
            "sent_ms": None if waits else alert.at_ms + 300,
            "error": None,
        }


_ASKED = ("configure", "locate")


def _commands(alert: Alert) -> Iterator[dict[str, Any]]:
    """Yield what her phone was told; of an open alert some is still owed, while the phone is away."""
    kinds = ["alarm_received", "configure"]
    kinds += ["locate"] if alert.owner is not None else []
    kinds += ["alarm_closed", "configure"] if not alert.is_open else []
    for number, kind in enumerate(kinds):
        created_ms = alert.at_ms + 200_000 * number
        owed = alert.state == "raised" and kind == "configure"
        details = {"fix_every_s": 5.0 if number == 1 else None} if kind == "configure" else {}
        yield {
            "id": derived_id(alert.id, kind, str(number)),
            "device": alert.visit.nurse.phone,
            "kind": kind,
            "body": {"alarm": alert.id, "seq": None, "alert": alert.id, "details": details},
            "created_ms": created_ms,
            "expires_ms": created_ms + 24 * HOUR_MS,
            "attempts": 1,
            "due_ms": NOW_MS + MINUTE_MS if owed else None,
            "sent_ms": None if owed else created_ms + 40,
        }


def _delivery(command: dict[str, Any]) -> dict[str, Any]:
    located = command["kind"] == "locate"
    return {
        "command": command["id"],
        "device": command["device"],
        "kind": command["kind"],
        "asked_by": dispatcher(command["created_ms"]) if located else None,
        "alert": command["body"]["alert"],
        "awaited_ms": None,
        "answered_ms": command["created_ms"] + 4_000 if located else None,
        "refused_ms": None,
    }


def _handout(command: dict[str, Any]) -> dict[str, Any]:
    handed_ms = command["created_ms"] + 900
    return {
        "command": command["id"],
        "times": 1,
        "handed_ms": handed_ms,
        "request": None,
        "seen_ms": handed_ms + 30_000,
    }
