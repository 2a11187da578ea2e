"""The demo's roster: which simulated devices play whom, with a visit for each nurse that is on today."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from devices.rfc3339 import rfc3339
from safety.store.visits import Visit, add_visit, find_visit, list_visits

_BEGAN_MS = 10 * 60_000
_LASTS_MS = 10 * 3_600_000
_MIN_LEFT_MS = 2 * 3_600_000
_SOON_EVERY = 4
_SOON_MS = 60_000
_CHECK_IN_EVERY_S = {"misses_check_in": 90.0}


class Member(msgspec.Struct):
    """A nurse of the demo: her devices with their secrets, and where she visits."""

    nurse: str
    role: str
    home: dict[str, Any]
    devices: list[dict[str, str]]


def roster_rows(connection: Connection, member: Member, number: int, now_ms: int) -> list[dict[str, Any]]:
    """Return the rows of one nurse's devices; makes her a visit if none of today's will do.

    A nurse on the road has none. Some routine visits begin in a few minutes: their nurses are on the way.
    """
    planned = None
    if member.role != "travelling":
        soon = member.role == "routine" and number % _SOON_EVERY == 0
        planned = _plan(
            _visit_of(connection, member, now_ms + number * _SOON_MS // 4 if soon else None, now_ms)
        )
    return [{**d, "nurse": member.nurse, "role": member.role, "visit": planned} for d in member.devices]


def _visit_of(connection: Connection, member: Member, begins_ms: int | None, now_ms: int) -> Visit:
    known = list_visits(connection, nurse=member.nurse, ends_after_ms=now_ms + _MIN_LEFT_MS)
    for visit in known:
        if visit.starts_ms <= now_ms:
            return visit
    made = add_visit(
        connection,
        nurse=member.nurse,
        lat=member.home["lat"],
        lon=member.home["lon"],
        starts_ms=now_ms - _BEGAN_MS if begins_ms is None else begins_ms,
        ends_ms=now_ms + _LASTS_MS,
        check_in_every_s=_CHECK_IN_EVERY_S.get(member.role, 1_800.0),
        patient=member.home["patient"],
        actor="demo",
        at_ms=now_ms,
    )
    return find_visit(connection, made)


def _plan(visit: Visit) -> dict[str, Any]:
    return {
        "id": visit.id,
        "lat": visit.lat,
        "lon": visit.lon,
        "radius_m": visit.radius_m,
        "starts_at": rfc3339(visit.starts_ms),
        "ends_at": rfc3339(visit.ends_ms),
        "check_in_every_s": visit.check_in_every_s,
    }
