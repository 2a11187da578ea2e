"""People: the organisations of a week, their nurses, and what these carry."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from devices.identity import hash_secret
from safety.bench.week.bulk import fill
from safety.bench.week.size import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, Size, named
from safety.store.postgres import next_revision
from safety.store.tables import (
    device_bindings,
    device_states,
    devices,
    http_devices,
    nurses,
    orgs,
    policies,
    responders,
)

RECORDERS_EVERY = 5
"""Every so many nurses have a recorder as well, and every third has a button."""
_BUTTONS_EVERY = 3
_SOUTH, _WEST, _HEIGHT, _WIDTH = 30.9, 121.1, 0.6, 0.8  # a large city, in degrees
_RESPONDERS = 3
_FIRST_DAY_MS = NOW_MS - 400 * DAY_MS


class Nurse(NamedTuple):
    """A nurse, her organisation, the middle of where she works, and what she carries; the phone is first."""

    id: str
    org: str
    lat: float
    lon: float
    devices: tuple[tuple[str, str], ...]  # id and kind

    @property
    def phone(self) -> str:
        """The id of her phone."""
        return self.devices[0][0]

    @property
    def recorder(self) -> str | None:
        """The id of her recorder, if she has one."""
        return next((id for id, kind in self.devices if kind == "recorder"), None)


class People(NamedTuple):
    """Everybody; `top` is the organisation above all others."""

    top: str
    orgs: list[str]
    nurses: list[Nurse]


def make_people(size: Size) -> People:
    """Return the people of a week."""
    rng = np.random.default_rng(1)
    below = [named("org", number) for number in range(1, size.orgs + 1)]
    places = rng.random((size.nurses, 2)).tolist()
    everyone = [
        Nurse(
            named("nur", index),
            below[index % size.orgs],
            _SOUTH + _HEIGHT * north,
            _WEST + _WIDTH * east,
            _carried(index),
        )
        for index, (north, east) in enumerate(places)
    ]
    return People(named("org", 0), below, everyone)


def store_people(connection: Connection, people: People) -> int:
    """Store the people and their devices; return how many rows."""
    fill(connection, orgs, [_org(people.top, "City", None)])
    fill(connection, orgs, (_org(org, f"Station {at}", people.top) for at, org in enumerate(people.orgs)))
    told = [
        named("rsp", at * _RESPONDERS + one) for at in range(len(people.orgs)) for one in range(_RESPONDERS)
    ]
    fill(
        connection, responders, (_responder(id, people.orgs[at // _RESPONDERS]) for at, id in enumerate(told))
    )
    ladder = {"id": named("pol", 0), "org": people.top, "name": "Ladder", "updated_ms": _FIRST_DAY_MS}
    tiers = [{"after_s": 60.0 * tier, "responders": told[tier : tier + 1]} for tier in range(_RESPONDERS)]
    fill(connection, policies, [{**ladder, "tiers": tiers}])
    rows = fill(connection, nurses, (_nurse(at, nurse) for at, nurse in enumerate(people.nurses)))
    rows += fill(connection, devices, _devices(people))
    rows += fill(connection, device_bindings, _bindings(people))
    revision = next_revision(connection, device_states.c.revision)
    rows += fill(connection, device_states, _states(people, revision))
    http = [{"device": nurse.phone, "since_ms": _FIRST_DAY_MS} for nurse in people.nurses[::RECORDERS_EVERY]]
    return rows + fill(connection, http_devices, http) + len(people.orgs) * (_RESPONDERS + 1) + 2


def _carried(index: int) -> tuple[tuple[str, str], ...]:
    carried = [(named("dev", 3 * index), "phone")]
    if index % RECORDERS_EVERY == 0:
        carried.append((named("dev", 3 * index + 1), "recorder"))
    if index % _BUTTONS_EVERY == 0:
        carried.append((named("dev", 3 * index + 2), "button"))
    return tuple(carried)


def _org(id: str, name: str, parent: str | None) -> dict[str, Any]:
    return {"id": id, "name": name, "parent": parent, "created_ms": _FIRST_DAY_MS}


def _responder(id: str, org: str) -> dict[str, Any]:
    row = {"id": id, "org": org, "name": f"On call {id[-4:]}", "channels": ["log:"], "lat": None, "lon": None}
    return {**row, "created_ms": _FIRST_DAY_MS}


def _nurse(index: int, nurse: Nurse) -> dict[str, Any]:
    return {
        "id": nurse.id,
        "org": nurse.org,
        "name": f"Nurse {index}",
        "phone": f"1380000{index:05d}",
        "pin_hash": hash_secret(nurse.id),
        "duress_pin_hash": None,
        "created_ms": _FIRST_DAY_MS,
    }


def _devices(people: People) -> Iterator[dict[str, Any]]:
    revision = 0
    for nurse in people.nurses:
        for id, kind in nurse.devices:
            revision += 1
            yield {
                "id": id,
                "kind": kind,
                "org": nurse.org,
                "nurse": nurse.id,
                "codec": "native",
                "external_id": f"86000000{revision:07d}",
                "secret_hash": hash_secret(id),
                "created_ms": _FIRST_DAY_MS,
                "revoked_ms": None,
                "revision": revision,
            }


def _bindings(people: People) -> Iterator[dict[str, Any]]:
    """Each third device has had two others before."""
    for at, nurse in enumerate(people.nurses):
        for id, _ in nurse.devices:
            given = {"device": id, "org": nurse.org, "given_by": "admin"}
            past = 2 if at % 3 == 0 else 0
            for ago in range(past, 0, -1):
                before = people.nurses[at - ago].id
                times = {"from_ms": _FIRST_DAY_MS + (past - ago) * DAY_MS}
                ended = {"to_ms": times["from_ms"] + DAY_MS, "ended_by": "admin", "ended_how": "handed_over"}
                yield {**given, "nurse": before, **times, **ended}
            times = {"from_ms": _FIRST_DAY_MS + past * DAY_MS}
            yield {**given, "nurse": nurse.id, **times, "to_ms": None, "ended_by": None, "ended_how": None}


def _states(people: People, revision: int) -> Iterator[dict[str, Any]]:
    """Most devices are well; some are silent, nearly empty, or were not tested for long."""
    count = sum(len(nurse.devices) for nurse in people.nurses)
    draws = iter(np.random.default_rng(2).random((count, 4)).tolist())
    for nurse in people.nurses:
        for id, kind in nurse.devices:
            odd, charge, heard, tested = next(draws)
            finds = kind != "button"
            heard_ms = NOW_MS - round(heard * (90_000 if finds else 12 * HOUR_MS))
            heard_ms -= 40 * HOUR_MS if odd < 0.01 else 0
            battery_pct = round(100 * charge, 1) if odd < 0.1 else round(30 + 70 * charge, 1)
            yield {
                "device": id,
                "online": odd > 0.03,
                "heard_ms": heard_ms,
                "battery_pct": battery_pct,
                "signal_dbm": -60.0 - round(40 * heard),
                "firmware": "2.4.1",
                "revision": revision,
                "battery_trend_pct_h": -6.0,
                "battery_empty_ms": NOW_MS + round(battery_pct / 6.0 * HOUR_MS),
                "battery_charging": odd > 0.9,
                "clock_skew_ms": 400_000 if 0.03 < odd < 0.035 else None,
                "fix_accuracy_m": round(5 + 30 * heard, 1) if finds else None,
                "fix_ms": heard_ms - MINUTE_MS // 2 if finds else None,
                "tested_ms": None if tested < 0.02 else NOW_MS - round(tested * 32 * DAY_MS),
            }
