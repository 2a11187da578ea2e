"""Fences: the shared areas of an organisation."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, select

from devices.identity import new_id
from safety.domain.fence_import import FenceDraft
from safety.errors import NotFound
from safety.store.changes import record_change, replan_org
from safety.store.orgs import find_org
from safety.store.tables import fences

_COLUMNS = (
    fences.c.id,
    fences.c.org,
    fences.c.name,
    fences.c.mode,
    fences.c.geometry,
    fences.c.radius_m,
)


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """A fence: GeoJSON geometry in WGS-84; `radius_m` is that of a Point's circle."""

    id: str
    org: str
    name: str
    mode: str
    geometry: dict[str, object]
    radius_m: float | None


def import_fences(
    connection: Connection, *, org: str, drafts: Sequence[FenceDraft], actor: str, at_ms: int
) -> list[str]:
    """Add all of `drafts` (see `safety.domain.fence_import`) to `org` and return their ids in order.

    Raises:
        NotFound: there is no organisation `org`.
    """
    find_org(connection, org)
    ids = [new_id("fen") for _ in drafts]
    if not ids:
        return ids
    rows = [
        {
            "id": fence,
            "org": org,
            "name": draft.name,
            "mode": draft.mode,
            "geometry": draft.geometry,
            "radius_m": draft.radius_m,
            "created_ms": at_ms,
        }
        for fence, draft in zip(ids, drafts, strict=True)
    ]
    connection.execute(fences.insert(), rows)
    replan_org(connection, org)
    detail = {"fences": ids}
    record_change(connection, "fences_imported", org, org=org, actor=actor, at_ms=at_ms, detail=detail)
    return ids


def remove_fence(connection: Connection, fence: str, *, actor: str, at_ms: int) -> None:
    """Take a fence away.

    Raises:
        NotFound: there is no such fence.
    """
    org = find_fence(connection, fence).org
    connection.execute(fences.delete().where(fences.c.id == fence))
    replan_org(connection, org)
    record_change(connection, "fence_removed", fence, org=org, actor=actor, at_ms=at_ms)


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
