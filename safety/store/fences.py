"""Fences: the shared areas of an organisation, and those of one visit."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, null, select

from devices.identity import new_id
from safety.domain.fence_import import FenceDraft
from safety.domain.fence_limits import STANDARD
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
        # Not None: SQLAlchemy would store JSON's null.
        "schedule": null() if draft.schedule is None else msgspec.to_builtins(draft.schedule),
        "limits": null() if draft.limits == STANDARD else msgspec.to_builtins(draft.limits),
    }


def _check_visit(connection: Connection, visit: str | None, org: str) -> None:
    if visit is not None and (known := find_visit(connection, visit)).org != org:
        raise InvalidInput(f"visit {visit} is of organisation {known.org}: expected one of {org}")


def _replan(connection: Connection, org: str, visit: str | None) -> None:
    if visit is None:
        replan_org(connection, org)
    else:
        replan_nurse(connection, find_visit(connection, visit).nurse)
