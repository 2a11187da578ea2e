"""Suspects: the devices that may be worth worrying about, as far as a database can tell.

All those that are (`safety.rules.worries`), but for what has an open alert or is no more than untested, and
few others: of 15,000 devices it takes 200 ms to look at each.
"""

from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from safety.domain.limits import Limits, LimitValue, resolve
from safety.rules.health import USABLE_ACCURACY_M
from safety.rules.limits import ms
from safety.rules.worries import DAY_MS, HAS_GPS
from safety.store.fleet import KINDS
from safety.store.tables import device_states, devices, limits, orgs, visits
from safety.store.tables.words import one_of

_state = device_states.c


def limits_of_orgs(connection: Connection) -> dict[str, Limits]:
    """Return what holds in each organisation."""
    parents = {row.id: row.parent for row in connection.execute(select(orgs.c.id, orgs.c.parent))}
    told = select(limits.c.subject, limits.c.changes).join(orgs, orgs.c.id == limits.c.subject)
    own: dict[str, dict[str, LimitValue]] = {row.subject: row.changes for row in connection.execute(told)}
    return {org: resolve(_inherited(org, parents, own)) for org in parents}


def suspicious(known: Collection[Limits], now_ms: int, visit_on: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition for the suspects among devices with their states, where these limits hold.

    Those with an open alert are not among them: of these there are few, and they are known by name.
    `visit_on` is the condition that a visit is on.
    """
    # Numbers before words: each is asked of every device.
    conditions = [
        _state.heard_ms.is_(None),
        _state.heard_ms < now_ms - DAY_MS,
        and_(
            _state.fix_ms.is_(None), _state.heard_ms > devices.c.created_ms, one_of(devices.c.kind, HAS_GPS)
        ),
        _state.fix_accuracy_m > USABLE_ACCURACY_M,
        func.abs(_state.clock_skew_ms) > ms(min(limit.clock_skew_s for limit in known)),
        and_(
            or_(
                _state.battery_pct <= max(limit.battery_low_pct for limit in known),
                _state.battery_empty_ms <= now_ms + ms(max(limit.battery_empty_s for limit in known)),
            ),
            func.coalesce(_state.battery_charging, False).is_(False),
        ),
    ]
    amiss = [
        and_(_state.heard_ms < now_ms - ms(allowed_s), devices.c.kind == kind)
        for kind, allowed_s in _silences_s(known)
    ]
    lost_s = [limit.gps_lost_s for limit in known if limit.gps_lost_s is not None]
    if lost_s:
        amiss.append(and_(_no_fix_since(now_ms - ms(min(lost_s))), one_of(devices.c.kind, HAS_GPS)))
    # Once for all of them: SQLite would read the visits that are on for each.
    during = devices.c.nurse.in_(select(visits.c.nurse).where(visit_on))
    return or_(*conditions, and_(or_(false(), *amiss), during), *_old_firmware(known))


def _inherited(
    org: str, parents: dict[str, str | None], own: dict[str, dict[str, LimitValue]]
) -> dict[str, LimitValue]:
    """Return what an organisation's limits differ in: its own, else those of the nearest above it."""
    line: list[str] = []
    above: str | None = org
    while above is not None and above not in line:
        line.append(above)
        above = parents.get(above)
    merged: dict[str, LimitValue] = {}
    for each in reversed(line):
        merged |= own.get(each, {})
    return merged


def _silences_s(known: Collection[Limits]) -> Iterator[tuple[str, float]]:
    """Yield the kinds that may not be silent for ever during a visit, and the shortest time for each."""
    for kind in KINDS:
        told: list[float | None] = [getattr(limit, f"{kind}_silent_s") for limit in known]
        allowed_s = [value for value in told if value is not None]
        if allowed_s:
            yield kind, min(allowed_s)


def _no_fix_since(at_ms: int) -> ColumnElement[bool]:
    return or_(_state.fix_ms.is_(None), _state.fix_ms < at_ms)


def _old_firmware(known: Collection[Limits]) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that a device does not have the very version that is wanted at least."""
    for kind in KINDS:
        for wanted in sorted({getattr(limit, f"{kind}_firmware_min") or "" for limit in known} - {""}):
            yield and_(devices.c.kind == kind, _state.firmware != wanted)
