"""The board of devices: which are worth worrying about, worst first, and which were not tested for long."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Label, Row, and_, func, select, true

from safety.rules.worries import DAY_MS, HEALTH_KINDS, TEST_EVERY_DAYS, Condition, OpenAlert, Worry, worries
from safety.store.fleet import KINDS
from safety.store.master_queries import select_devices
from safety.store.queries import Listed, Page, Rows, Scope, among, read_rows, read_wide_page
from safety.store.suspects import limits_of_orgs, suspicious
from safety.store.tables import IS_OPEN, alerts, device_states, devices, visits
from safety.store.tables.words import one_of
from safety.store.visit_times import on_a_visit

# More than these are not worth naming: then all visits that are on are read.
_ASKED_BY_NAME = 1_000


class Worrying(NamedTuple):
    """A device (a row of `select_devices`), and what is worrying about it, worst first."""

    device: Row[Any]
    worries: Sequence[Worry]


def worrying_devices(
    connection: Connection, scope: Scope | None, now_ms: int, most: int | None = None
) -> list[Worrying]:
    """Return the devices in use that are worth worrying about, worst first; None as `scope`: of all.

    At most `most` of them, if it is given: whatever is only untested comes last.
    """
    limits = limits_of_orgs(connection)
    if not limits:
        return []
    open_alerts = _open_alerts(connection)
    visit_on = on_a_visit(connection, now_ms)

    def judged(rows: Rows) -> list[Worrying]:
        visits_on = _visits_on(connection, {row.nurse for row in rows}, visit_on)
        conditions = (_condition(row, visits_on, open_alerts) for row in rows)
        found = (
            Worrying(row, worries(known, limits[row.org], now_ms))
            for row, known in zip(rows, conditions, strict=True)
        )
        return [one for one in found if one.worries]

    in_use = select_devices().where(_in_use(connection, scope))
    suspects = read_rows(connection, in_use.where(suspicious(limits.values(), now_ms, visit_on)))
    alerted = read_rows(connection, in_use.where(among(connection, devices.c.id, open_alerts)))
    bad = judged([*{row.id: row for row in (*suspects, *alerted)}.values()])
    if most is None or sum(not _is_only_untested(one) for one in bad) < most:
        untested = select_devices().where(_untested(connection, scope, now_ms, TEST_EVERY_DAYS))
        known = {one.device.id for one in bad}
        rows = read_rows(connection, untested.order_by(devices.c.id).limit(most))
        bad += judged([row for row in rows if row.id not in known])
    return sorted(bad, key=_rank)[:most]


def untested_devices(
    connection: Connection, scope: Scope | None, now_ms: int, days: float = TEST_EVERY_DAYS
) -> Rows:
    """Return the devices in use without a test alarm for `days`, those never tested first."""
    statement = select_devices().where(_untested(connection, scope, now_ms, days))
    return read_rows(connection, statement.order_by(_tested_ms(), devices.c.created_ms, devices.c.id))


def list_untested(connection: Connection, scope: Scope, page: Page, now_ms: int, days: float) -> Listed:
    """Return a part of them; the key is (when it was tested or 0, created_ms, id)."""
    key = (_tested_ms(), devices.c.created_ms, devices.c.id)
    statement = select_devices().add_columns(key[0])
    return read_wide_page(connection, statement, _untested(connection, scope, now_ms, days), key, page)


def _untested(connection: Connection, scope: Scope | None, now_ms: int, days: float) -> ColumnElement[bool]:
    return and_(_in_use(connection, scope), _tested_ms() < now_ms - round(days * DAY_MS))


def _tested_ms() -> Label[int]:
    return func.coalesce(device_states.c.tested_ms, 0).label("tested_or_never_ms")


def _in_use(connection: Connection, scope: Scope | None) -> ColumnElement[bool]:
    seen = true() if scope is None else scope.covers_in_order(connection, devices.c.org)
    return and_(devices.c.revoked_ms.is_(None), one_of(devices.c.kind, KINDS), seen)


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


def _visits_on(
    connection: Connection, nurses: Collection[str], visit_on: ColumnElement[bool]
) -> dict[str, int]:
    """Return since when each of `nurses`, at least, who is on a visit, by plan, is on it."""
    on = select(visits.c.nurse, visits.c.starts_ms).where(visit_on)
    if len(nurses) <= _ASKED_BY_NAME:
        on = on.where(among(connection, visits.c.nurse, nurses))
    since_ms: dict[str, int] = {}
    for row in connection.execute(on):
        since_ms[row.nurse] = min(row.starts_ms, since_ms.get(row.nurse, row.starts_ms))
    return since_ms


def _open_alerts(connection: Connection) -> dict[str, list[OpenAlert]]:
    """Return the open alerts of devices' health by device, oldest first."""
    columns = (alerts.c.id, alerts.c.device, alerts.c.kind, alerts.c.why, alerts.c.raised_ms)
    wanted = select(*columns).where(one_of(alerts.c.kind, HEALTH_KINDS), IS_OPEN)
    found: dict[str, list[OpenAlert]] = {}
    # Put in order here: asked for it, SQLite reads all that ever was in that order.
    for row in sorted(connection.execute(wanted), key=lambda row: (row.raised_ms, row.id)):
        if row.device is not None:
            found.setdefault(row.device, []).append(
                OpenAlert(row.id, row.kind, row.why.get("how"), row.raised_ms)
            )
    return found


def _is_only_untested(one: Worrying) -> bool:
    return [worry.reason for worry in one.worries] == ["untested"]


def _rank(one: Worrying) -> tuple[int, int, str]:
    weights = [worry.weight for worry in one.worries]
    return -max(weights), -sum(weights), str(one.device.id)
