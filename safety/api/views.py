"""Views: the JSON shapes of what the store holds; times become RFC 3339, ages are seconds."""

from typing import Any

import msgspec
from sqlalchemy import Row

from devices.rfc3339 import rfc3339
from safety.api.rule_limits import shown_limits
from safety.domain.device_import import Fault
from safety.domain.limits import LimitChanges
from safety.domain.schedule import Schedule, written
from safety.rules.worries import Worry
from safety.store.alert_queries import AlertDetail
from safety.store.device_board import Worrying

View = dict[str, Any]


def time_or_none(at_ms: int | None) -> str | None:
    """Return the time as RFC 3339, None for None."""
    return None if at_ms is None else rfc3339(at_ms)


def alert(row: Row[Any], now_ms: int) -> View:
    """Return an alert out of `select_alerts`."""
    return {
        "id": row.id,
        "incident": row.incident or row.id,
        "held_by": row.held_by,
        "kind": row.kind,
        "severity": row.severity,
        "state": row.state,
        "nurse": row.nurse,
        "nurse_name": row.nurse_name,
        "device": row.device,
        "device_kind": row.device_kind,
        "visit": row.visit,
        "org": row.org,
        "occurred_at": rfc3339(row.occurred_ms),
        "received_at": rfc3339(row.received_ms),
        "raised_at": rfc3339(row.raised_ms),
        "position": _alert_position(row, now_ms),
        "escalation_level": row.escalation_level,
        "escalates_at": time_or_none(row.due_ms) if row.state == "raised" else None,
        "cancel_until": time_or_none(row.cancel_until_ms),
        "owner": row.owner,
        "test": row.test,
        "late": row.late,
        "silent": row.silent,
        "doubts": row.doubts,
        "why": row.why,
        "resolution": row.resolution,
        "source_event": row.source_event,
        "version": row.version,
    }


def _alert_position(row: Row[Any], now_ms: int) -> View | None:
    if row.position is not None:
        own = row.position
        time_ms = own.get("time_ms") or row.occurred_ms
        return {**_place(own["lat"], own["lon"], own.get("accuracy_m"), time_ms, now_ms), "source": "alarm"}
    if row.last_time_ms is None:
        return None
    last = _place(row.last_lat, row.last_lon, row.last_accuracy_m, row.last_time_ms, now_ms)
    return {**last, "source": "last_known"}


def _place(lat: float, lon: float, accuracy_m: float | None, time_ms: int, now_ms: int) -> View:
    # A device's clock may be ahead of ours; an age below zero would only puzzle.
    age_s = max(0, now_ms - time_ms) / 1000
    return {"lat": lat, "lon": lon, "accuracy_m": accuracy_m, "time": rfc3339(time_ms), "age_s": age_s}


def alert_detail(detail: AlertDetail, now_ms: int) -> View:
    """Return an alert with all that belongs to it."""
    shown_visit = visit(detail.visit, now_ms) if detail.visit is not None else None
    nurse_row = detail.nurse
    return {
        **alert(detail.alert, now_ms),
        "timeline": [timeline_entry(row) for row in detail.timeline],
        "incident_alerts": [incident_alert(row) for row in detail.incident_alerts],
        "notifications": [notification(row) for row in detail.notifications],
        "visit_detail": shown_visit,
        "nurse_detail": None
        if nurse_row is None
        else {"id": nurse_row.id, "name": nurse_row.name, "phone": nurse_row.phone},
    }


def incident_alert(row: Row[Any]) -> View:
    """Return what is shown of an alert beside another one of its incident."""
    return {
        "id": row.id,
        "kind": row.kind,
        "severity": row.severity,
        "state": row.state,
        "raised_at": rfc3339(row.raised_ms),
        "held_by": row.held_by,
    }


def timeline_entry(row: Row[Any]) -> View:
    """Return an entry of an alert's timeline."""
    return {
        "seq": row.seq,
        "at": rfc3339(row.at_ms),
        "what": row.what,
        "actor": row.actor,
        "detail": row.detail,
    }


def notification(row: Row[Any]) -> View:
    """Return what was, or is to be, sent to a responder."""
    return {
        "id": row.id,
        "responder": row.responder,
        "responder_name": row.responder_name,
        "channel": row.channel,
        "tier": row.tier,
        "state": row.state,
        "attempts": row.attempts,
        "sent_at": time_or_none(row.sent_ms),
        "error": row.error,
    }


def position(row: Row[Any], now_ms: int) -> View:
    """Return where a nurse was last."""
    return {
        "nurse": row.nurse,
        "nurse_name": row.nurse_name,
        "device": row.device,
        "visit": row.visit,
        **_place(row.lat, row.lon, row.accuracy_m, row.time_ms, now_ms),
    }


def listed_position(row: Row[Any], now_ms: int) -> View:
    """Return where a nurse was last, with the fix once more by itself."""
    seen = position(row, now_ms)
    return seen | {"fix": {name: seen[name] for name in ("lat", "lon", "accuracy_m", "time")}}


def nurse(row: Row[Any]) -> View:
    """Return a nurse; her PINs are nobody's business."""
    return {
        "id": row.id,
        "name": row.name,
        "org": row.org,
        "phone": row.phone,
        "on_visit": bool(row.on_visit),
    }


_DEVICE_STATES = {None: "unknown", True: "online", False: "offline"}


def device(row: Row[Any]) -> View:
    """Return a device and how it is."""
    return {
        "id": row.id,
        "kind": row.kind,
        "nurse": row.nurse,
        "org": row.org,
        "codec": row.codec,
        "external_id": row.external_id,
        "state": _DEVICE_STATES[row.online],
        "last_heard_at": time_or_none(row.heard_ms),
        "battery_pct": row.battery_pct,
        "signal_dbm": row.signal_dbm,
        "firmware": row.firmware,
        "revoked": row.revoked_ms is not None,
        "added_at": rfc3339(row.created_ms),
        "battery_trend_pct_h": row.battery_trend_pct_h,
        "battery_empty_at": time_or_none(row.battery_empty_ms),
        "battery_charging": row.battery_charging,
        "clock_skew_s": None if row.clock_skew_ms is None else row.clock_skew_ms / 1000,
        "fix_accuracy_m": row.fix_accuracy_m,
        "last_fix_at": time_or_none(row.fix_ms),
        "last_tested_at": time_or_none(row.tested_ms),
        "test_until": time_or_none(None if _is_tested(row) else row.test_until_ms),
    }


def _is_tested(row: Row[Any]) -> bool:
    return row.tested_ms is not None and row.test_from_ms is not None and row.tested_ms >= row.test_from_ms


def worrying(one: Worrying) -> View:
    """Return a device with what is worrying about it; times among the values become RFC 3339."""
    return {"device": device(one.device), "worries": [_worry(worry) for worry in one.worries]}


def _worry(worry: Worry) -> View:
    detail = {
        f"{name.removesuffix('_ms')}_at" if name.endswith("_ms") else name: (
            rfc3339(round(value)) if name.endswith("_ms") and isinstance(value, int | float) else value
        )
        for name, value in worry.detail.items()
    }
    return {"reason": worry.reason, "urgency": worry.urgency, "detail": detail}


def binding(row: Row[Any]) -> View:
    """Return who had a device from when to when."""
    return {
        "nurse": row.nurse,
        "nurse_name": row.nurse_name,
        "org": row.org,
        "from": rfc3339(row.from_ms),
        "to": time_or_none(row.to_ms),
        "given_by": row.given_by,
        "ended_by": row.ended_by,
        "ended_how": row.ended_how,
    }


def fault(found: Fault) -> View:
    """Return what is wrong in a table, and where."""
    return {"line": found.line, "column": found.column, "problem": found.problem}


def visit(row: Row[Any], now_ms: int) -> View:
    """Return a visit; unless it was cancelled, it is planned, active or ended by the clock."""
    state = "planned" if now_ms < row.starts_ms else "active" if now_ms < row.ends_ms else "ended"
    if row.cancelled_ms is not None:
        state = "cancelled"
    return {
        "id": row.id,
        "nurse": row.nurse,
        "org": row.org,
        "starts_at": rfc3339(row.starts_ms),
        "ends_at": rfc3339(row.ends_ms),
        "lat": row.lat,
        "lon": row.lon,
        "radius_m": row.radius_m,
        "check_in_every_s": row.check_in_every_s,
        "patient": row.patient,
        "risk": row.risk,
        "state": state,
    }


def planned_visit(row: Row[Any], limits: LimitChanges, now_ms: int) -> View:
    """Return a visit with its own limits."""
    return {**visit(row, now_ms), "limits": shown_limits(limits)}


def fence(row: Row[Any]) -> View:
    """Return a fence."""
    return {
        "id": row.id,
        "org": row.org,
        "name": row.name,
        "mode": row.mode,
        "geometry": row.geometry,
        "radius_m": row.radius_m,
        "width_m": row.width_m,
        "visit": row.visit,
        "schedule": None if row.schedule is None else written(msgspec.convert(row.schedule, Schedule)),
        "limits": row.limits or {},
    }


def responder(row: Row[Any]) -> View:
    """Return a responder."""
    return {
        "id": row.id,
        "org": row.org,
        "name": row.name,
        "channels": row.channels,
        "lat": row.lat,
        "lon": row.lon,
    }


def policy(row: Row[Any]) -> View:
    """Return an escalation policy."""
    return {"id": row.id, "org": row.org, "name": row.name, "tiers": row.tiers}


def org(row: Row[Any], limits: LimitChanges) -> View:
    """Return an organisation with its own limits."""
    return {"id": row.id, "name": row.name, "parent": row.parent, "limits": shown_limits(limits)}


def user(row: Row[Any]) -> View:
    """Return a user, without anything of the password."""
    return {
        "id": row.id,
        "org": row.org,
        "login": row.login,
        "role": row.role,
        "disabled": row.disabled_ms is not None,
    }
