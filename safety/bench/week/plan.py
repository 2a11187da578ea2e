"""The plan of a week: four visits of an hour a day for each nurse, and where each nurse is now."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from safety.bench.week.bulk import fill
from safety.bench.week.people import Nurse, People
from safety.bench.week.size import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, Size, named
from safety.store.postgres import next_revision
from safety.store.tables import fences, limits, positions, visits

_BEGIN_MS = tuple(round(hour * HOUR_MS) for hour in (8, 9.75, 13, 14.75))
_STAGGER_MS = tuple(range(0, 46 * MINUTE_MS, 5 * MINUTE_MS))
_OWN_LIMITS_EVERY = 50
_OWN_FENCE_EVERY = 200
_SHARED_FENCES_EVERY = 20  # nurses
_CORNERS = 20


class Visit(NamedTuple):
    """A visit and whose it is."""

    id: str
    nurse: Nurse
    starts_ms: int
    lat: float
    lon: float

    @property
    def ends_ms(self) -> int:
        """When it ends."""
        return self.starts_ms + HOUR_MS


def make_plan(size: Size, people: People) -> list[Visit]:
    """Return all visits of the week and of the day after it, in the order of their beginning."""
    rng = np.random.default_rng(3)
    planned: list[Visit] = []
    for day in range(1 - size.days, 2):
        for begin_ms in _BEGIN_MS:
            late = rng.integers(0, len(_STAGGER_MS), size.nurses).tolist()
            away = rng.normal(0.0, 0.01, (size.nurses, 2)).tolist()
            for nurse, slot, (north, east) in zip(people.nurses, late, away, strict=True):
                starts_ms = size.day_ms(day) + begin_ms + _STAGGER_MS[slot]
                id = named("vis", len(planned))
                planned.append(Visit(id, nurse, starts_ms, nurse.lat + north, nurse.lon + east))
    return sorted(planned, key=lambda visit: (visit.starts_ms, visit.id))


def store_plan(connection: Connection, people: People, planned: list[Visit]) -> int:
    """Store the visits, what some have of their own, and where everybody is; return how many rows."""
    rows = fill(connection, visits, map(_visit, planned))
    own = planned[::_OWN_LIMITS_EVERY]
    changes = {"overrun_grace_s": 1800.0, "gps_lost_s": 600.0}
    rows += fill(
        connection, limits, ({"subject": one.id, "changes": changes, "updated_ms": 0} for one in own)
    )
    rows += fill(connection, fences, _fences(people, planned))
    revision = next_revision(connection, positions.c.revision)
    on = {visit.nurse.id: visit.id for visit in planned if visit.starts_ms <= NOW_MS < visit.ends_ms}
    return rows + fill(connection, positions, _positions(people, on, revision))


def _visit(visit: Visit) -> dict[str, Any]:
    return {
        "id": visit.id,
        "nurse": visit.nurse.id,
        "org": visit.nurse.org,
        "lat": visit.lat,
        "lon": visit.lon,
        "radius_m": 150.0,
        "starts_ms": visit.starts_ms,
        "ends_ms": visit.ends_ms,
        "check_in_every_s": None,
        "patient": f"patient {visit.id[-6:]}",
        "risk": "low",
        "created_ms": visit.starts_ms - DAY_MS,
    }


def _fences(people: People, planned: list[Visit]) -> Iterator[dict[str, Any]]:
    of_visits = [(visit.nurse.org, visit.lat, visit.lon, visit.id) for visit in planned[::_OWN_FENCE_EVERY]]
    shared = [(one.org, one.lat, one.lon, None) for one in people.nurses[::_SHARED_FENCES_EVERY]]
    for number, (org, lat, lon, visit) in enumerate([*shared, *of_visits]):
        turns = [2 * np.pi * corner / _CORNERS for corner in range(_CORNERS)]
        ring = [[lon + 0.002 * float(np.cos(turn)), lat + 0.002 * float(np.sin(turn))] for turn in turns]
        yield {
            "id": named("fen", number),
            "org": org,
            "name": f"Area {number}",
            "mode": "keep_out" if visit is None else "stay_in",
            "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            "created_ms": NOW_MS - DAY_MS,
            "visit": visit,
        }


def _positions(people: People, on: dict[str, str], revision: int) -> Iterator[dict[str, Any]]:
    """Whoever is on a visit reported within the last half minute, the others within the last hour."""
    ages = np.random.default_rng(4).random(len(people.nurses)).tolist()
    for nurse, age in zip(people.nurses, ages, strict=True):
        visit = on.get(nurse.id)
        time_ms = NOW_MS - round(age * (MINUTE_MS / 2 if visit else HOUR_MS))
        yield {
            "nurse": nurse.id,
            "org": nurse.org,
            "device": nurse.phone,
            "visit": visit,
            "lat": nurse.lat,
            "lon": nurse.lon,
            "accuracy_m": round(5 + 20 * age, 1),
            "time_ms": time_ms,
            "received_ms": time_ms + 400,
            "revision": revision,
        }
