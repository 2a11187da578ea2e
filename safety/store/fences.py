"""Fences: the shared areas of an organisation, and those of one visit."""

from collections.abc import Collection, Sequence
from typing import TypedDict

import msgspec
from sqlalchemy import Connection, null, select

from devices.identity import new_id
from safety.domain import checks
from safety.domain.fence_import import MODES, FenceDraft
from safety.domain.fence_limits import STANDARD, FenceLimits
from safety.domain.schedule import Schedule
from safety.errors import InvalidInput, NotFound
from safety.store.changes import record_change, replan_nurse, replan_org
from safety.store.orgs import find_org
from safety.store.tables import fences, visits
from safety.store.visits import find_visit

_PLACES = 50

_COLUMNS = (
    fences.c.id,
    fences.c.org,
    fences.c.name,
    fences.c.mode,
    fences.c.geometry,
    fences.c.radius_m,
    fences.c.width_m,
    fences.c.schedule,
    fences.c.limits,
    fences.c.visit,
)


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """A fence: GeoJSON geometry in WGS-84; `radius_m` is that of a Point's circle, `width_m` a line's.

    `schedule` and `limits` as in a plan, None: always, and as usual; `visit`: it is of this visit only.
    """

    id: str
    org: str
    name: str
    mode: str
    geometry: dict[str, object]
    radius_m: float | None
    width_m: float | None
    schedule: dict[str, object] | None
    limits: dict[str, object] | None
    visit: str | None


class FenceChanges(TypedDict, total=False):
    """What may be changed of a fence; its geometry may not: who draws it anew, imports another."""

    name: str
    mode: str
    radius_m: float
    width_m: float
    schedule: Schedule | None
    limits: FenceLimits


def import_fences(
    connection: Connection,
    *,
    org: str,
    drafts: Sequence[FenceDraft],
    visit: str | None = None,
    actor: str,
    at_ms: int,
) -> list[str]:
    """Add all of `drafts` (see `safety.domain.fence_import`) to `org` and return their ids in order.

    With `visit` they are of that visit only.

    Raises:
        InvalidInput: the visit is another organisation's.
        NotFound: there is no organisation `org`, or no such visit.
    """
    find_org(connection, org)
    _check_visit(connection, visit, org)
    ids = [new_id("fen") for _ in drafts]
    if not ids:
        return ids
    rows = [
        {"id": fence, "org": org, "visit": visit, "created_ms": at_ms, **_columns(draft)}
        for fence, draft in zip(ids, drafts, strict=True)
    ]
    connection.execute(fences.insert(), rows)
    _replan(connection, org, visit)
    detail = {"fences": ids} if visit is None else {"fences": ids, "visit": visit}
    record_change(connection, "fences_imported", org, org=org, actor=actor, at_ms=at_ms, detail=detail)
    return ids


def update_fence(
    connection: Connection, fence: str, changes: FenceChanges, *, actor: str, at_ms: int
) -> Fence:
    """Change what `changes` names and return the fence as it is now.

    Raises:
        InvalidInput: a value cannot be taken, or is none of this fence's shape.
        NotFound: there is no such fence.
    """
    known = find_fence(connection, fence)
    values = _changed(known, changes)
    if values:
        connection.execute(fences.update().where(fences.c.id == fence).values(values))
        _replan(connection, known.org, known.visit)
        detail = {"changed": sorted(changes)}
        record_change(
            connection, "fence_changed", fence, org=known.org, actor=actor, at_ms=at_ms, detail=detail
        )
    return find_fence(connection, fence)


def remove_fence(connection: Connection, fence: str, *, actor: str, at_ms: int) -> None:
    """Take a fence away.

    Raises:
        NotFound: there is no such fence.
    """
    known = find_fence(connection, fence)
    connection.execute(fences.delete().where(fences.c.id == fence))
    _replan(connection, known.org, known.visit)
    record_change(connection, "fence_removed", fence, org=known.org, actor=actor, at_ms=at_ms)


def find_fence(connection: Connection, fence: str) -> Fence:
    """Return the fence.

    Raises:
        NotFound: there is none with that id.
    """
    row = connection.execute(select(*_COLUMNS).where(fences.c.id == fence)).first()
    if row is None:
        raise NotFound(f"no fence {fence}: see `vigil fence list`")
    return Fence(**row._mapping)


def list_fences(connection: Connection, *, orgs: Collection[str] | None = None) -> list[Fence]:
    """Return fences by id: of `orgs` (None: of all)."""
    statement = select(*_COLUMNS).order_by(fences.c.id)
    if orgs is not None:
        statement = statement.where(fences.c.org.in_(orgs))
    return [Fence(**row._mapping) for row in connection.execute(statement)]


def known_places(connection: Connection, org: str) -> list[tuple[float, float]]:
    """Return where the organisation is at work, as (lat, lon): the places of its newest visits."""
    newest = select(visits.c.lat, visits.c.lon).where(visits.c.org == org)
    rows = connection.execute(newest.order_by(visits.c.starts_ms.desc()).limit(_PLACES))
    return [(row.lat, row.lon) for row in rows]


def _columns(draft: FenceDraft) -> dict[str, object]:
    return {
        "name": draft.name,
        "mode": draft.mode,
        "geometry": draft.geometry,
        "radius_m": draft.radius_m,
        "width_m": draft.width_m,
        "schedule": _stored(draft.schedule),
        "limits": _stored(None if draft.limits == STANDARD else draft.limits),
    }


def _changed(known: Fence, changes: FenceChanges) -> dict[str, object]:
    """Return the columns to write, checked."""
    values: dict[str, object] = {}
    if "name" in changes:
        values["name"] = checks.text(changes["name"], "name")
    if "mode" in changes:
        values["mode"] = checks.one_of(changes["mode"], "mode", MODES)
    if "radius_m" in changes:
        values["radius_m"] = _size_m(known.radius_m, changes["radius_m"], "radius", "a Point")
    if "width_m" in changes:
        values["width_m"] = _size_m(known.width_m, changes["width_m"], "width", "a line")
    if "schedule" in changes:
        values["schedule"] = _stored(changes["schedule"])
    if "limits" in changes:
        values["limits"] = _stored(None if changes["limits"] == STANDARD else changes["limits"])
    return values


def _size_m(known: float | None, wanted: float, noun: str, whose: str) -> float:
    if known is None:
        raise InvalidInput(f"the fence has no {noun}: only that of {whose} can be changed", f"{noun}_m")
    return checks.radius_m(wanted, noun)


def _stored(value: Schedule | FenceLimits | None) -> object:
    # Not None: SQLAlchemy would store JSON's null.
    return null() if value is None else msgspec.to_builtins(value)


def _check_visit(connection: Connection, visit: str | None, org: str) -> None:
    if visit is not None and (known := find_visit(connection, visit)).org != org:
        raise InvalidInput(f"visit {visit} is of organisation {known.org}: expected one of {org}", "visit")


def _replan(connection: Connection, org: str, visit: str | None) -> None:
    if visit is None:
        replan_org(connection, org)
    else:
        replan_nurse(connection, find_visit(connection, visit).nurse)
