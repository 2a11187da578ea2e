"""The outbox of notifications: who has yet to be told of an alert, and what became of it."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Row, Select, Update, bindparam, case, func, select, update

from devices.identity import derived_id
from devices.rfc3339 import rfc3339
from safety.domain.alert import TimelineWord
from safety.domain.incident import CRIES_FOR_HELP
from safety.domain.notice import Notice, NoticePosition, not_sent, scheme_of
from safety.domain.policy import SEVERITIES
from safety.store.escalation import hand_over
from safety.store.once import insert_once
from safety.store.tables import alerts, notifications, nurses, positions, responders, timeline

_LONGEST_ERROR = 500
_BESIDES: BindParameter[Any] = bindparam("besides", expanding=True)
# A cry for help first, then what is critical or of a severity that we cannot place, then the lesser ones.
_LESSER = {severity: place for place, severity in enumerate(reversed(SEVERITIES[:-1]), 2)}
_TURN = case(
    (alerts.c.kind.in_(sorted(CRIES_FOR_HELP)), 0),
    *((alerts.c.severity == severity, place) for severity, place in _LESSER.items()),
    else_=1,
)
# Built once, as all that is run whenever something happened: to build one takes longer than to run it.
_NEXT = select(func.min(notifications.c.due_ms)).where(notifications.c.id.not_in(_BESIDES))


class OwedNotice(NamedTuple):
    """A notification that is due; `attempts` failed so far, the last by `error`.

    `alert_state` is the alert's, as taken.
    """

    notice: Notice
    attempts: int
    error: str | None
    created_ms: int
    alert_state: str
    responder_name: str | None


def next_notice_ms(connection: Connection, besides: Collection[str] = ()) -> int | None:
    """Return when the next notification is due, leaving out the ids in `besides`; None if none is."""
    return connection.execute(_NEXT, {"besides": list(besides)}).scalar()


def take_due_notices(
    connection: Connection,
    now_ms: int,
    *,
    limit: int,
    per_channel: int,
    besides: Collection[str] = (),
    link_base: str | None = None,
    lease_until_ms: int | None = None,
) -> list[OwedNotice]:
    """Return at most `limit` due notifications, those of the gravest alerts first, then those never tried.

    Those in `besides` are on their way: they are left out, and count towards the `per_channel` that may
    go through one channel at once. The last of these places is kept for what is critical. With a lease the
    others are put off until then, so that no other worker takes them; it needs a writing transaction.
    `link_base` is the console's URL.
    """
    # For `id IN ()` PostgreSQL reads all that anybody was ever sent.
    on_their_way = list(besides) or [""]
    looking = {"now_ms": now_ms, "besides": on_their_way, "per_channel": per_channel, "most": limit}
    rows = connection.execute(_due(leasing=lease_until_ms is not None), looking)
    owed = [_owed(row, now_ms, link_base) for row in rows]
    if lease_until_ms is not None and owed:
        taken = notifications.c.id.in_([item.notice.id for item in owed])
        connection.execute(update(notifications).where(taken).values(due_ms=lease_until_ms))
    return owed


def renew_notices(connection: Connection, ids: Collection[str], lease_until_ms: int) -> None:
    """Keep other workers from notifications that this one is still sending."""
    mine = notifications.c.id.in_(ids) & notifications.c.due_ms.is_not(None)
    connection.execute(update(notifications).where(mine).values(due_ms=lease_until_ms))


def record_sent(connection: Connection, owed: OwedNotice, now_ms: int) -> None:
    """Store that a channel took the notification. Taken is not reached: only an acknowledgement says so."""
    sent = {"of_notice": owed.notice.id, "now_ms": now_ms, "tried": owed.attempts + 1}
    connection.execute(_sent(), sent)
    _enter(connection, owed, "notified", now_ms)


def record_delayed(connection: Connection, owed: OwedNotice, error: str, due_ms: int) -> None:
    """Store that the notification did not go out and is to be tried again, if it is still wanted."""
    wanted = (notifications.c.id == owed.notice.id) & notifications.c.due_ms.is_not(None)
    values = {"due_ms": due_ms, "error": error[:_LONGEST_ERROR], "attempts": owed.attempts + 1}
    connection.execute(update(notifications).where(wanted).values(values))


def record_failed(connection: Connection, owed: OwedNotice, error: str, now_ms: int) -> bool:
    """Store that the notification is given up; tell whether the next tier is due at once because of it."""
    error = error[:_LONGEST_ERROR]
    _set(connection, owed, state="failed", due_ms=None, error=error, attempts=owed.attempts + 1)
    _enter(connection, owed, "notify_failed", now_ms, error=error)
    return hand_over(connection, owed.notice.id, now_ms)


def record_stopped(connection: Connection, owed: OwedNotice) -> None:
    """Store that the notification is not sent any more: somebody has taken the alert, or it is closed."""
    why = not_sent(f"the alert is {owed.alert_state}", owed.attempts, owed.error)
    _set(connection, owed, state="failed", due_ms=None, error=why)


@cache
def _due(*, leasing: bool) -> Select[Any]:
    due = notifications.c.due_ms <= bindparam("now_ms")
    on_its_way = notifications.c.id.in_(_BESIDES)
    order = (_TURN, notifications.c.attempts, notifications.c.due_ms, notifications.c.id)
    # What is on its way has its channel's places already.
    place = func.row_number().over(
        partition_by=notifications.c.channel, order_by=(case((on_its_way, 0), else_=1), *order)
    )
    ranked = (
        select(notifications.c.id, place.label("place"), case((_TURN > 1, 1), else_=0).label("kept"))
        .join(alerts, alerts.c.id == notifications.c.alert)
        .where(due | on_its_way)
        .subquery()
    )
    first = select(ranked.c.id).where(ranked.c.place + ranked.c.kept <= bindparam("per_channel"))
    query = _select_owed().where(notifications.c.id.in_(first), due, ~on_its_way).order_by(*order)
    query = query.limit(bindparam("most"))
    return query.with_for_update(skip_locked=True, of=notifications) if leasing else query


@cache
def _sent() -> Update:
    taken: dict[str, object] = {"state": "sent", "due_ms": None, "error": None}
    told: dict[str, object] = {"sent_ms": bindparam("now_ms"), "attempts": bindparam("tried")}
    return update(notifications).where(notifications.c.id == bindparam("of_notice")).values(taken | told)


def _set(connection: Connection, owed: OwedNotice, **values: object) -> None:
    connection.execute(update(notifications).where(notifications.c.id == owed.notice.id).values(values))


def _enter(connection: Connection, owed: OwedNotice, what: TimelineWord, now_ms: int, **more: object) -> None:
    notice = owed.notice
    detail = {
        "notification": notice.id,
        "responder": notice.responder,
        "name": owed.responder_name,
        # Not the address: a webhook's URL is its password.
        "channel": scheme_of(notice.channel),
        "tier": notice.tier,
        "attempts": owed.attempts + 1,
        **more,
    }
    entry = {"id": derived_id(notice.id, what), "alert": notice.alert, "at_ms": now_ms, "what": what}
    insert_once(connection, timeline, [{**entry, "actor": None, "detail": detail}])


def _select_owed() -> Select[Any]:
    joined = (
        notifications.join(alerts, alerts.c.id == notifications.c.alert)
        .outerjoin(nurses, nurses.c.id == alerts.c.nurse)
        .outerjoin(responders, responders.c.id == notifications.c.responder)
        .outerjoin(positions, positions.c.nurse == alerts.c.nurse)
    )
    return select(
        *notifications.c["id", "alert", "responder", "channel", "tier", "attempts", "error", "created_ms"],
        *alerts.c["kind", "severity", "occurred_ms", "raised_ms", "late", "silent", "position"],
        alerts.c.state.label("alert_state"),
        nurses.c.name.label("nurse_name"),
        responders.c.name.label("responder_name"),
        *(positions.c[name].label(f"last_{name}") for name in ("lat", "lon", "accuracy_m", "time_ms")),
    ).select_from(joined)


def _owed(row: Row[Any], now_ms: int, link_base: str | None) -> OwedNotice:
    notice = Notice(
        id=row.id,
        alert=row.alert,
        responder=row.responder,
        channel=row.channel,
        tier=row.tier,
        kind=row.kind,
        severity=row.severity,
        nurse_name=row.nurse_name,
        occurred_at=rfc3339(row.occurred_ms),
        raised_at=rfc3339(row.raised_ms),
        late=row.late,
        silent=row.silent,
        position=_position(row, now_ms),
        link=None if link_base is None else f"{link_base.rstrip('/')}/#/alerts/{row.alert}",
    )
    return OwedNotice(notice, row.attempts, row.error, row.created_ms, row.alert_state, row.responder_name)


def _position(row: Row[Any], now_ms: int) -> NoticePosition | None:
    """Return the place that came with the alarm, else where she was last."""
    if row.position is not None:
        own: Mapping[str, Any] = row.position
        time_ms = own.get("time_ms") or row.occurred_ms
        return _place(own["lat"], own["lon"], own.get("accuracy_m"), time_ms, now_ms, "alarm")
    if row.last_time_ms is None:
        return None
    return _place(row.last_lat, row.last_lon, row.last_accuracy_m, row.last_time_ms, now_ms, "last_known")


def _place(
    lat: float, lon: float, accuracy_m: float | None, time_ms: int, now_ms: int, source: str
) -> NoticePosition:
    # A device's clock may be ahead of ours; an age below zero would only puzzle.
    age_s = max(0, now_ms - time_ms) // 1000
    return NoticePosition(
        lat=lat, lon=lon, accuracy_m=accuracy_m, time=rfc3339(time_ms), age_s=age_s, source=source
    )
