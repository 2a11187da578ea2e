"""The board of devices: which are worth worrying about, worst first, and which were not tested for long."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Label, Row, Select, func, select

from safety.domain.limits import resolve
from safety.rules.worries import DAY_MS, TEST_EVERY_DAYS, Condition, OpenAlert, Worry, worries
from safety.store.fleet import KINDS
from safety.store.limits import limits_of_org
from safety.store.master_queries import select_devices
from safety.store.queries import Listed, Page, Rows, Scope, read_page
from safety.store.tables import IS_OPEN, alerts, device_states, devices, visits

_HEALTH = ("device_silent", "battery_low", "device_fault")


class Worrying(NamedTuple):
    """A device (a row of `select_devices`), and what is worrying about it, worst first."""

    device: Row[Any]
    worries: Sequence[Worry]


def worrying_devices(connection: Connection, scope: Scope | None, now_ms: int) -> list[Worrying]:
    """Return the devices in use that are worth worrying about, worst first; None as `scope`: of all."""
    rows = connection.execute(_in_use(scope)).all()
    visits_on = _visits_on(connection, now_ms)
    open_alerts = _open_alerts(connection)
    limits = {org: resolve(limits_of_org(connection, org)) for org in {row.org for row in rows}}
    found = [
        Worrying(row, worries(_condition(row, visits_on, open_alerts), limits[row.org], now_ms))
        for row in rows
    ]
    return sorted((one for one in found if one.worries), key=_rank)


def untested_devices(
    connection: Connection, scope: Scope | None, now_ms: int, days: float = TEST_EVERY_DAYS
) -> Rows:
    """Return the devices in use without a test alarm for `days`, those never tested first."""
    statement = _untested(scope, now_ms, days)
    return connection.execute(statement.order_by(_tested_ms(), devices.c.created_ms, devices.c.id)).all()


def list_untested(connection: Connection, scope: Scope, page: Page, now_ms: int, days: float) -> Listed:
    """Return a part of them; the key is (when it was tested or 0, created_ms, id)."""
    key = (_tested_ms(), devices.c.created_ms, devices.c.id)
    return read_page(connection, _untested(scope, now_ms, days).add_columns(key[0]), key, page)


def _untested(scope: Scope | None, now_ms: int, days: float) -> Select[Any]:
    return _in_use(scope).where(_tested_ms() < now_ms - round(days * DAY_MS))


def _tested_ms() -> Label[int]:
    return func.coalesce(device_states.c.tested_ms, 0).label("tested_or_never_ms")


def _in_use(scope: Scope | None) -> Select[Any]:
    statement = select_devices().where(devices.c.revoked_ms.is_(None), devices.c.kind.in_(KINDS))
    return statement if scope is None else statement.where(scope.covers(devices.c.org))


def _condition(
    row: Row[Any], visits_on: dict[str, int], open_alerts: dict[str, list[OpenAlert]]
) -> Condition:
    return Condition(
        kind=row.kind,
        created_ms=row.created_ms,
        heard_ms=row.heard_ms,
        battery_pct=row.battery_pct,
        battery_empty_ms=row.battery_empty_ms,
        battery_charging=row.battery_charging,
        clock_skew_ms=row.clock_skew_ms,
        fix_accuracy_m=row.fix_accuracy_m,
        fix_ms=row.fix_ms,
        firmware=row.firmware,
        tested_ms=row.tested_ms,
        on_visit_since_ms=visits_on.get(row.nurse),
        alerts=tuple(open_alerts.get(row.id, ())),
    )


def _visits_on(connection: Connection, now_ms: int) -> dict[str, int]:
    """Return since when each nurse who is on a visit, by plan, is on it."""
    on = select(visits.c.nurse, func.min(visits.c.starts_ms)).where(
        visits.c.starts_ms <= now_ms, visits.c.ends_ms > now_ms
    )
    return {row[0]: row[1] for row in connection.execute(on.group_by(visits.c.nurse))}


def _open_alerts(connection: Connection) -> dict[str, list[OpenAlert]]:
    """Return the open alerts of devices' health by device, oldest first."""
    columns = (alerts.c.id, alerts.c.device, alerts.c.kind, alerts.c.why, alerts.c.raised_ms)
    wanted = select(*columns).where(alerts.c.kind.in_(_HEALTH), IS_OPEN)
    found: dict[str, list[OpenAlert]] = {}
    for row in connection.execute(wanted.order_by(alerts.c.raised_ms, alerts.c.id)):
        if row.device is not None:
            found.setdefault(row.device, []).append(
                OpenAlert(row.id, row.kind, row.why.get("how"), row.raised_ms)
            )
    return found


def _rank(one: Worrying) -> tuple[int, int, str]:
    weights = [worry.weight for worry in one.worries]
    return -max(weights), -sum(weights), str(one.device.id)
