"""What devices are told of their alarms: received, acknowledged, closed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from devices.commands import CommandKind
from devices.identity import derived_id
from safety.domain.alert import OPEN_STATES
from safety.rules.effects import ALARM_KINDS, AlarmRepeated, RaiseAlert
from safety.store.outbox import is_owed, owe_command
from safety.store.tables import alerts, timeline

_STATE = select(alerts.c.state, alerts.c.why).where(alerts.c.id == bindparam("id"))
COMMAND_TTL_S = 24 * 3600.0


def confirm(connection: Connection, raised: RaiseAlert, alert_id: str, at_ms: int) -> None:
    """Tell the device that its alarm is durable and has an alert."""
    if raised.device is not None and raised.kind in ALARM_KINDS and not _is_secret(raised.why):
        tell(
            connection,
            "alarm_received",
            alert_id,
            raised.device,
            raised.alarm,
            raised.alarm_seq,
            at_ms,
            cause=raised.id,
        )


def confirm_again(connection: Connection, repeated: AlarmRepeated, alert_id: str) -> None:
    """Tell the device once more, and what became of its alarm since: it may have missed that as well.

    Not what it is about to be told anyway. Alarms are repeated every second while nobody answers: an answer
    to each would queue up, those of new alarms behind it, and those be repeated in turn.
    """
    named = _named(repeated.alarm, repeated.alarm_seq)
    for kind in ("alarm_received", *_news_of(connection, alert_id)):
        if not is_owed(connection, device=repeated.device, kind=kind, alarm=named, alert=alert_id):
            tell(
                connection,
                kind,
                alert_id,
                repeated.device,
                repeated.alarm,
                repeated.alarm_seq,
                repeated.received_ms,
                cause=f"{repeated.received_ms}/{named}",  # two alarms on one alert may be repeated at once
            )


def _news_of(connection: Connection, alert_id: str) -> tuple[CommandKind, ...]:
    """Return what the devices of an alert were told of it after `alarm_received`."""
    row = connection.execute(_STATE, {"id": alert_id}).one()
    if row.state == "raised" or _is_secret(row.why) or _is_taken_back(connection, alert_id):
        return ()
    return ("alarm_acknowledged",) if row.state in OPEN_STATES else ("alarm_closed",)


def tell_all(connection: Connection, kind: CommandKind, row: Row[Any], at_ms: int) -> None:
    """Tell every device whose alarm this alert is: the first one's and those of later presses."""
    if row.kind not in ALARM_KINDS:
        return
    secret = _is_secret(row.why) or _is_taken_back(connection, row.id)
    told = [] if secret else [(row.device, row.alarm, row.alarm_seq)]
    presses = select(timeline.c.detail).where(timeline.c.alert == row.id, timeline.c.what == "pressed_again")
    later = connection.execute(presses.order_by(timeline.c.seq)).scalars()
    told += [(press["device"], press["alarm"], press["alarm_seq"]) for press in later]
    for device, alarm, seq in dict.fromkeys(told):
        if device is not None:
            cause = f"{row.version}/{alarm}/{seq}"
            tell(connection, kind, row.id, device, alarm, seq, at_ms, cause=cause)


def _is_secret(why: Mapping[str, Any]) -> bool:
    """Tell whether the device must not learn of the alert: it took a duress PIN for the PIN."""
    return why.get("how") == "duress_pin"


def _is_taken_back(connection: Connection, alert_id: str) -> bool:
    """Tell whether the device believes that its alarm is closed: a duress PIN took it back."""
    given = select(timeline.c.id).where(timeline.c.alert == alert_id, timeline.c.what == "duress_pin")
    return connection.execute(given.limit(1)).first() is not None


def tell(
    connection: Connection,
    kind: CommandKind,
    alert_id: str,
    device: str,
    alarm: str | None,
    seq: int | None,
    at_ms: int,
    *,
    cause: str,
) -> None:
    """Owe `device` one command about its alarm; the same `cause` owes it once."""
    owe_command(
        connection,
        id=derived_id(kind, alert_id, device, cause),
        device=device,
        kind=kind,
        alarm=_named(alarm, seq),
        seq=seq,
        alert=alert_id,
        details={},
        at_ms=at_ms,
        ttl_s=COMMAND_TTL_S,
    )


def _named(alarm: str | None, seq: int | None) -> str | None:
    """Return what a device calls its alarm: the id that it gave, or else the `seq`."""
    return alarm if alarm is not None else (None if seq is None else str(seq))
