"""Pace: what a nurse's devices are told of how often to report: more often while an alert of hers is open."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from devices.identity import derived_id
from safety.domain.alert import OPEN_STATES
from safety.domain.asking import HEARING_CODECS, TTL_S
from safety.domain.limits import resolve
from safety.store.limits import limits_of_org
from safety.store.outbox import owe_command
from safety.store.tables import alerts, commands, deliveries, devices

_REPORTING = ("phone", "recorder")
"""What finds itself, and so can be asked to do so more often."""

_OF_DEVICES = ("battery_low", "device_fault")
"""What reporting more often would not help, and might make worse."""

_RECENT = 50

_HURRYING = (
    select(alerts.c.id, alerts.c.nurse, alerts.c.org)
    .where(
        alerts.c.nurse.is_not(None),
        alerts.c.state.in_(sorted(OPEN_STATES)),
        alerts.c.kind.not_in(_OF_DEVICES),
    )
    .order_by(alerts.c.id)
)
_OF_THESE = _HURRYING.where(alerts.c.id.in_(bindparam("raised", expanding=True)))
_OPEN = _HURRYING.where(alerts.c.nurse == bindparam("nurse"), alerts.c.id != bindparam("besides")).limit(1)
_HERS = (
    select(devices.c.id)
    .where(
        devices.c.nurse == bindparam("nurse"),
        devices.c.kind.in_(_REPORTING),
        devices.c.codec.in_(sorted(HEARING_CODECS)),
        devices.c.revoked_ms.is_(None),
    )
    .order_by(devices.c.id)
)
_TOLD = (
    select(commands.c.body, deliveries.c.asked_by)
    .join(deliveries, deliveries.c.command == commands.c.id)
    .where(commands.c.device == bindparam("device"), commands.c.kind == "configure")
    .order_by(commands.c.created_ms.desc(), commands.c.id)
    .limit(_RECENT)
)


def quicken(connection: Connection, raised: Collection[str], at_ms: int) -> bool:
    """Have the devices of these alerts' nurses report more often; tell whether any of them is to be told so.

    Those of an alert that is closed by now are not, nor are those that do so already: to say it again changes
    nothing.
    """
    owed = False
    for alert in connection.execute(_OF_THESE, {"raised": list(raised)}).all():
        hers = _reporting(connection, alert.nurse)
        every_s = resolve(limits_of_org(connection, alert.org)).alert_fix_every_s if hers else None
        if every_s is None:
            continue
        for device in hers:
            told = _told(connection, device)
            usual_s = _asked_for(told)
            pace_s = every_s if usual_s is None else min(every_s, usual_s)
            if not told or _fix_every_s(told[0]) != pace_s:
                _owe(connection, device, pace_s, alert.id, at_ms, derived_id("pace", alert.id, device))
                owed = True
    return owed


def slacken(connection: Connection, closed: Row[Any], at_ms: int) -> None:
    """Set her devices back once the last alert of hers is closed (`closed`: its row)."""
    if closed.nurse is None or closed.kind in _OF_DEVICES:
        return
    if _has_open(connection, closed.nurse, besides=closed.id):
        return
    for device in _reporting(connection, closed.nurse):
        told = _told(connection, device)
        usual_s = _asked_for(told)
        # What nobody ever told otherwise reports as it always did.
        if told and _fix_every_s(told[0]) != usual_s:
            _owe(connection, device, usual_s, closed.id, at_ms, derived_id("pace_back", closed.id, device))


def follow_owner(connection: Connection, device: str, nurse: str, at_ms: int) -> None:
    """Have a device that changed hands report as often as that nurse's devices do."""
    if device not in _reporting(connection, nurse):
        return
    told = _told(connection, device)
    wanted_s = usual_s = _asked_for(told)
    alert = _open_alert(connection, nurse)
    if alert is not None:
        every_s = resolve(limits_of_org(connection, alert.org)).alert_fix_every_s
        wanted_s = min((pace_s for pace_s in (every_s, usual_s) if pace_s is not None), default=None)
    if (_fix_every_s(told[0]) if told else None) != wanted_s:
        because = alert.id if alert is not None else None
        command = derived_id("pace_handed", device, nurse, str(at_ms))
        _owe(connection, device, wanted_s, because, at_ms, command)


def _has_open(connection: Connection, nurse: str, besides: str) -> bool:
    return _open_alert(connection, nurse, besides) is not None


def _open_alert(connection: Connection, nurse: str, besides: str = "") -> Row[Any, Any, Any] | None:
    return connection.execute(_OPEN, {"nurse": nurse, "besides": besides}).first()


def _reporting(connection: Connection, nurse: str) -> list[str]:
    return list(connection.execute(_HERS, {"nurse": nurse}).scalars())


def _told(connection: Connection, device: str) -> list[Row[Any]]:
    """Return what the device was told of its pace, newest first."""
    return list(connection.execute(_TOLD, {"device": device}))


def _asked_for(told: list[Row[Any]]) -> float | None:
    """Return the pace that somebody set for the device, None if nobody did: its own."""
    return next((_fix_every_s(row) for row in told if row.asked_by is not None), None)


def _fix_every_s(row: Row[Any]) -> float | None:
    details: dict[str, float | None] = row.body.get("details") or {}
    return details.get("fix_every_s")


def _owe(
    connection: Connection, device: str, every_s: float | None, alert: str | None, at_ms: int, command: str
) -> None:
    owe_command(
        connection,
        id=command,
        device=device,
        kind="configure",
        alert=alert,
        details={"fix_every_s": every_s},
        at_ms=at_ms,
        ttl_s=TTL_S["configure"],
    )
