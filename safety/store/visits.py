"""Visits: where a nurse is expected, from when to when, and how often she must check in."""

from collections.abc import Collection
from typing import Any, Literal, TypedDict

import msgspec
from sqlalchemy import Connection, select

from devices.identity import new_id
from safety.domain import checks
from safety.errors import NotFound
from safety.store.changes import record_change, replan_nurse
from safety.store.nurses import find_nurse
from safety.store.tables import visits

Risk = Literal["low", "high"]

_COLUMNS = (
    visits.c.id,
    visits.c.nurse,
    visits.c.org,
    visits.c.lat,
    visits.c.lon,
    visits.c.radius_m,
    visits.c.starts_ms,
    visits.c.ends_ms,
    visits.c.check_in_every_s,
    visits.c.patient,
    visits.c.risk,
    visits.c.cancelled_ms,
)


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit: the circle around (lat, lon) WGS-84, the time in epoch ms; a cancelled one is in no plan."""

    id: str
    nurse: str
    org: str
    lat: float
    lon: float
    radius_m: float
    starts_ms: int
    ends_ms: int
    check_in_every_s: float | None
    patient: str | None
    risk: str
    cancelled_ms: int | None = None


class VisitChanges(TypedDict, total=False):
    """What may be changed of a visit; what is no longer `cancelled` is planned again."""

    lat: float
    lon: float
    radius_m: float
    starts_ms: int
    ends_ms: int
    check_in_every_s: float | None
    patient: str | None
    risk: str
    cancelled: bool


def add_visit(
    connection: Connection,
    *,
    nurse: str,
    lat: float,
    lon: float,
    starts_ms: int,
    ends_ms: int,
    radius_m: float = 150.0,
    check_in_every_s: float | None = None,
    patient: str | None = None,
    risk: str = "low",
    actor: str,
    at_ms: int,
) -> str:
    """Add a visit of `nurse` and return its id.

    Raises:
        InvalidInput: a value cannot be taken.
        NotFound: there is no such nurse.
    """
    org = find_nurse(connection, nurse).org
    visit = Visit(
        id=new_id("vis"),
        nurse=nurse,
        org=org,
        lat=lat,
        lon=lon,
        radius_m=radius_m,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        check_in_every_s=check_in_every_s,
        patient=patient,
        risk=risk,
    )
    connection.execute(visits.insert().values(id=visit.id, created_ms=at_ms, **_checked(visit)))
    replan_nurse(connection, nurse)
    detail = {"nurse": nurse}
    record_change(connection, "visit_added", visit.id, org=org, actor=actor, at_ms=at_ms, detail=detail)
    return visit.id


def update_visit(
    connection: Connection, visit: str, changes: VisitChanges, *, actor: str, at_ms: int
) -> Visit:
    """Change what `changes` names and return the visit as it is now.

    Raises:
        InvalidInput: a value cannot be taken.
        NotFound: there is no such visit.
    """
    known = find_visit(connection, visit)
    values: dict[str, Any] = dict(changes)
    if (cancelled := values.pop("cancelled", None)) is not None:
        values["cancelled_ms"] = (known.cancelled_ms or at_ms) if cancelled else None
    changed = msgspec.structs.replace(known, **values)
    if changed == known:
        return known
    connection.execute(visits.update().where(visits.c.id == visit).values(_checked(changed)))
    replan_nurse(connection, known.nurse)
    detail = {"nurse": known.nurse, "changed": sorted(changes)}
    record_change(connection, "visit_changed", visit, org=known.org, actor=actor, at_ms=at_ms, detail=detail)
    return find_visit(connection, visit)


def find_visit(connection: Connection, visit: str) -> Visit:
    """Return the visit.

    Raises:
        NotFound: there is none with that id.
    """
    row = connection.execute(select(*_COLUMNS).where(visits.c.id == visit)).first()
    if row is None:
        raise NotFound(f"no visit {visit}: see `vigil visit list`")
    return Visit(**row._mapping)


def list_visits(
    connection: Connection,
    *,
    orgs: Collection[str] | None = None,
    nurse: str | None = None,
    ends_after_ms: int | None = None,
) -> list[Visit]:
    """Return visits by id: of `orgs` (None: of all), of `nurse`; not over at `ends_after_ms` or cancelled."""
    statement = select(*_COLUMNS).order_by(visits.c.id)
    if orgs is not None:
        statement = statement.where(visits.c.org.in_(orgs))
    if nurse is not None:
        statement = statement.where(visits.c.nurse == nurse)
    if ends_after_ms is not None:
        statement = statement.where(visits.c.ends_ms > ends_after_ms, visits.c.cancelled_ms.is_(None))
    return [Visit(**row._mapping) for row in connection.execute(statement)]


def _checked(visit: Visit) -> dict[str, object]:
    lat, lon = checks.place(visit.lat, visit.lon)
    starts_ms, ends_ms = checks.period(visit.starts_ms, visit.ends_ms)
    return {
        "nurse": visit.nurse,
        "org": visit.org,
        "lat": lat,
        "lon": lon,
        "radius_m": checks.radius_m(visit.radius_m),
        "starts_ms": starts_ms,
        "ends_ms": ends_ms,
        "check_in_every_s": checks.check_in_every_s(visit.check_in_every_s),
        "patient": checks.optional_text(visit.patient, "patient"),
        "risk": checks.one_of(visit.risk, "risk", ("low", "high")),
        "cancelled_ms": visit.cancelled_ms,
    }
