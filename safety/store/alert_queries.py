"""Alerts as people read them: lists, one with all that belongs to it."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, SelectBase, or_, select, tuple_, union_all

from safety.domain.alert import OPEN_STATES
from safety.errors import NotFound
from safety.store.queries import MOST_BRANCHES, Listed, Page, Rows, Scope, in_order, read_page, read_rows
from safety.store.tables import (
    IS_OPEN,
    alerts,
    devices,
    notifications,
    nurses,
    positions,
    responders,
    timeline,
    visits,
)

_KEY = (alerts.c.raised_ms, alerts.c.id)


class AlertFilter(NamedTuple):
    """Which alerts: empty or None means any. `since_ms` is the earliest `raised_ms`."""

    states: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    nurse: str | None = None
    org: str | None = None
    since_ms: int | None = None
    incident: str | None = None


class AlertDetail(NamedTuple):
    """An alert and all that belongs to it."""

    alert: Row[Any]
    timeline: Rows
    incident_alerts: Rows
    notifications: Rows
    visit: Row[Any] | None
    nurse: Row[Any] | None


@cache
def select_alerts() -> Select[Any]:
    """Return the alerts with nurse's name, device's kind, and where the nurse was last (`last_*`)."""
    return select(
        alerts,
        nurses.c.name.label("nurse_name"),
        devices.c.kind.label("device_kind"),
        positions.c.lat.label("last_lat"),
        positions.c.lon.label("last_lon"),
        positions.c.accuracy_m.label("last_accuracy_m"),
        positions.c.time_ms.label("last_time_ms"),
    ).select_from(
        alerts.outerjoin(nurses, nurses.c.id == alerts.c.nurse)
        .outerjoin(devices, devices.c.id == alerts.c.device)
        .outerjoin(positions, positions.c.nurse == alerts.c.nurse)
    )


def list_alerts(connection: Connection, scope: Scope, wanted: AlertFilter, page: Page) -> Listed:
    """Return alerts, newest first; the key is (raised_ms, id)."""
    seen = scope.orgs(connection)
    if wanted.org is not None:
        seen &= Scope(wanted.org).orgs(connection)
    if not seen:
        return Listed((), None)
    candidates = _candidates(sorted(seen), wanted, page)
    statement = select_alerts().where(scope.covers(alerts.c.org), alerts.c.id.in_(candidates))
    return read_page(connection, statement, _KEY, page, newest_first=True)


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, values in (
        (alerts.c.state, wanted.states if wanted.states != OPEN_STATES else ()),
        (alerts.c.kind, wanted.kinds),
        (alerts.c.severity, wanted.severities),
    ):
        if values:
            conditions.append(column.in_(sorted(values)))
    if _are_open(wanted):
        conditions.append(IS_OPEN)
    if wanted.nurse is not None:
        conditions.append(alerts.c.nurse == wanted.nurse)
    if wanted.incident is not None:
        conditions.append(alerts.c.incident == wanted.incident)
    if wanted.since_ms is not None:
        conditions.append(alerts.c.raised_ms >= wanted.since_ms)
    return conditions


def _are_open(wanted: AlertFilter) -> bool:
    return bool(wanted.states) and wanted.states <= OPEN_STATES


def _candidates(orgs: Sequence[str], wanted: AlertFilter, page: Page) -> SelectBase:
    """Return the ids among which a page's alerts are."""
    conditions = _conditions(wanted)
    if page.after is not None:
        conditions.append(tuple_(*_KEY) < page.after)
    if _are_open(wanted) or wanted.nurse is not None or wanted.incident is not None:
        return select(alerts.c.id).where(alerts.c.org.in_(orgs), *conditions)
    return _newest(orgs, conditions, page)


def _newest(orgs: Sequence[str], conditions: Sequence[ColumnElement[bool]], page: Page) -> SelectBase:
    """Return the ids of the newest alerts of each organisation; of many, the newest of all.

    One organisation's alerts lie in their order in the index; those of several do not, and sorting all
    of them for the first hundred took 150 ms where this takes 3 (200,000 alerts). Whoever sees many of
    them sees so much of what is in the order of time that little is passed by.
    """

    def newest(where: ColumnElement[bool]) -> Select[Any]:
        ordered = select(alerts.c.id).where(where, *conditions).order_by(*(each.desc() for each in _KEY))
        return select(ordered.limit(page.limit + 1).subquery().c.id)

    if len(orgs) > MOST_BRANCHES:
        return newest(in_order(alerts.c.org).in_(orgs))
    return union_all(*(newest(alerts.c.org == org) for org in orgs))


def open_alerts(connection: Connection, scope: Scope) -> Rows:
    """Return every open alert, newest first."""
    statement = select_alerts().where(scope.covers(alerts.c.org), IS_OPEN)
    return read_rows(connection, statement.order_by(alerts.c.raised_ms.desc(), alerts.c.id.desc()))


def find_alert(connection: Connection, scope: Scope, alert_id: str) -> Row[Any]:
    """Return one alert as `select_alerts` does.

    Raises:
        NotFound: there is none, or it is another organisation's.
    """
    statement = select_alerts().where(alerts.c.id == alert_id, scope.covers(alerts.c.org))
    row = connection.execute(statement).first()
    if row is None:
        raise NotFound(f"no alert {alert_id}")
    return row


def read_alert(connection: Connection, scope: Scope, alert_id: str) -> AlertDetail:
    """Return one alert with all that belongs to it.

    Raises:
        NotFound: there is none, or it is another organisation's.
    """
    alert = find_alert(connection, scope, alert_id)
    entries = select(timeline).where(timeline.c.alert == alert_id).order_by(timeline.c.seq)
    others = select(alerts).where(
        alerts.c.incident == alert.incident, alerts.c.id != alert_id, scope.covers(alerts.c.org)
    )
    sends = (
        select(notifications, responders.c.name.label("responder_name"))
        .outerjoin(responders, responders.c.id == notifications.c.responder)
        .where(notifications.c.alert == alert_id)
        .order_by(notifications.c.tier, notifications.c.created_ms, notifications.c.id)
    )
    visit = select(visits).where(visits.c.id == alert.visit)
    nurse = select(nurses).where(nurses.c.id == alert.nurse)
    return AlertDetail(
        alert,
        connection.execute(entries).all(),
        connection.execute(others.order_by(alerts.c.raised_ms, alerts.c.id)).all(),
        connection.execute(sends).all(),
        connection.execute(visit).first(),
        connection.execute(nurse).first(),
    )


def last_mover(connection: Connection, alert_id: str) -> Row[Any] | None:
    """Return the timeline entry of what moved the alert last: a person, its nurse, or that it lapsed."""
    entries = select(timeline).where(
        timeline.c.alert == alert_id,
        or_(
            timeline.c.actor.is_not(None) & (timeline.c.what != "note"),
            timeline.c.what.in_(("pressed_again", "cancelled", "lapsed")),
        ),
    )
    newest_first = connection.execute(entries.order_by(timeline.c.seq.desc()))
    return next((entry for entry in newest_first if _moved(entry)), None)


def _moved(entry: Row[Any]) -> bool:
    """Tell whether it changed anything: a press moves what was taken up, a cancellation only what was not."""
    if entry.actor is not None or entry.what == "lapsed":
        return True
    return bool("taken_up" in entry.detail) is (entry.what == "pressed_again")
