"""Fence plans: what the engine must know of fences, read from the store."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from safety.domain.fence import wkb_of
from safety.domain.fence_limits import STANDARD, FenceLimits
from safety.domain.plan import FencePlan
from safety.domain.schedule import Schedule
from safety.store.tables import fences


def fences_of_org(connection: Connection, org: str) -> tuple[FencePlan, ...]:
    """Return the shared fences of an organisation, by id."""
    shared = select(fences).where(fences.c.org == org, fences.c.visit.is_(None)).order_by(fences.c.id)
    return tuple(_plan(row) for row in connection.execute(shared))


def fences_of_visits(connection: Connection, visits: Sequence[str]) -> dict[str, tuple[FencePlan, ...]]:
    """Return the visits' own fences, by visit."""
    found: dict[str, tuple[FencePlan, ...]] = {}
    own = select(fences).where(fences.c.visit.in_(visits)).order_by(fences.c.id)
    for row in connection.execute(own):
        found[row.visit] = (*found.get(row.visit, ()), _plan(row))
    return found


def _plan(row: Row[Any]) -> FencePlan:
    return FencePlan(
        id=row.id,
        mode=row.mode,
        geometry=wkb_of(row.geometry),
        radius_m=row.radius_m,
        width_m=row.width_m,
        schedule=None if row.schedule is None else msgspec.convert(row.schedule, Schedule),
        limits=STANDARD if row.limits is None else msgspec.convert(row.limits, FenceLimits),
    )
