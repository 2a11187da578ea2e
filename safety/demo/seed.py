"""Seeds the demo's organisation through the same functions as the command line, and writes the roster."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from devices.clock import rfc3339
from devices.identity import new_secret
from devices.registry.port import DeviceKind
from safety.domain.policy_import import PolicyDraft, Tier
from safety.store.database import Database
from safety.store.fleet import register_device
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.policies import apply_policy
from safety.store.responders import add_responder
from safety.store.users import add_user
from safety.store.visits import add_visit, list_visits

_ACTOR = "demo"
_BEGAN_MS = 10 * 60_000
_LASTS_MS = 10 * 3_600_000
# Whoever has none of these roles makes routine visits.
_ROLES = {
    3: "panic",
    7: "leaves_fence",
    11: "misses_check_in",
    16: "cancelled_fall",
    21: "dies",
    26: "travelling",
}
_CHECK_IN_EVERY_S = {"misses_check_in": 90.0}
_TIERS_AFTER_S = (0.0, 60.0, 120.0)


class Login(msgspec.Struct):
    """A dispatcher's login, made at the demo's first start."""

    login: str
    password: str


class Member(msgspec.Struct):
    """A nurse of the demo: her devices with their secrets, and where she visits."""

    nurse: str
    role: str
    home: dict[str, Any]
    devices: list[dict[str, str]]


class Demo(msgspec.Struct):
    """What the demo must remember between starts: it holds secrets, so only its owner may read it."""

    org: str
    login: Login
    members: list[Member]


def prepare_demo(database: Database, folder: Path, now_ms: int) -> Demo:
    """Return the demo in `folder`, made where it is not there yet, with visits that are on now.

    `folder/roster.json` then tells the simulators which devices to play.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = folder / "demo.json"
    with database.writing() as connection:
        if kept.exists():
            demo = msgspec.json.decode(kept.read_bytes(), type=Demo)
        else:
            demo = _seed(connection, now_ms)
            # Before the commit: an organisation without its secrets could never be played again.
            _write_private(kept, msgspec.json.encode(demo))
        roster = [row for member in demo.members for row in _roster_rows(connection, member, now_ms)]
    _write_private(folder / "roster.json", msgspec.json.encode({"devices": roster}))
    return demo


def _seed(connection: Connection, now_ms: int) -> Demo:
    district = msgspec.json.decode(files("simulators").joinpath("data/shanghai.json").read_bytes())
    org = add_org(connection, name=district["organisation"]["name"], actor=_ACTOR, at_ms=now_ms)
    _add_ladder(connection, org, district["responders"], now_ms)
    login = Login(login="dispatcher", password=new_secret()[:16])
    add_user(connection, org, login.login, "dispatcher", login.password, now_ms)
    homes = district["homes"]
    members = [
        _add_member(connection, org, index, person, homes[index * 2 % len(homes)], now_ms)
        for index, person in enumerate(district["nurses"])
    ]
    return Demo(org=org, login=login, members=members)


def _add_ladder(connection: Connection, org: str, people: list[dict[str, Any]], now_ms: int) -> None:
    responders = [
        add_responder(
            connection,
            org=org,
            name=person["name"],
            channels=["log:"],
            lat=person["lat"],
            lon=person["lon"],
            actor=_ACTOR,
            at_ms=now_ms,
        )
        for person in people
    ]
    tiers = tuple(
        Tier(after_s=after_s, responders=tuple(responders[2 * index : 2 * index + 2]))
        for index, after_s in enumerate(_TIERS_AFTER_S)
    )
    draft = PolicyDraft(org=org, name="值班升级 / on-call ladder", tiers=tiers)
    apply_policy(connection, draft, actor=_ACTOR, at_ms=now_ms)


def _add_member(
    connection: Connection, org: str, index: int, person: dict[str, Any], home: dict[str, Any], now_ms: int
) -> Member:
    nurse = add_nurse(
        connection, org=org, name=person["name"], phone=person["phone"], actor=_ACTOR, at_ms=now_ms
    )
    kinds: list[DeviceKind] = ["phone"]
    if index % 3 == 0:
        kinds.append("button")
    if index % 3 == 1:
        kinds.append("recorder")
    carried = []
    for kind in kinds:
        device, secret = register_device(connection, kind=kind, nurse=nurse, actor=_ACTOR, at_ms=now_ms)
        carried.append({"id": device.id, "secret": secret, "kind": kind})
    return Member(nurse=nurse, role=_ROLES.get(index, "routine"), home=home, devices=carried)


def _roster_rows(connection: Connection, member: Member, now_ms: int) -> list[dict[str, Any]]:
    """Return the rows of one nurse, with a visit that is on now: today's, or one made for this start."""
    ahead_ms = now_ms + _LASTS_MS // 4
    current = [
        visit
        for visit in list_visits(connection, nurse=member.nurse, ends_after_ms=ahead_ms)
        if visit.starts_ms <= now_ms
    ]
    visit = current[0] if current else None
    every_s = _CHECK_IN_EVERY_S.get(member.role, 1_800.0)
    starts_ms, ends_ms = now_ms - _BEGAN_MS, now_ms + _LASTS_MS
    if visit is not None:
        visit_id, starts_ms, ends_ms = visit.id, visit.starts_ms, visit.ends_ms
    else:
        visit_id = add_visit(
            connection,
            nurse=member.nurse,
            lat=member.home["lat"],
            lon=member.home["lon"],
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            check_in_every_s=every_s,
            patient=member.home["patient"],
            actor=_ACTOR,
            at_ms=now_ms,
        )
    planned = {
        "id": visit_id,
        "lat": member.home["lat"],
        "lon": member.home["lon"],
        "radius_m": 150.0,
        "starts_at": rfc3339(starts_ms),
        "ends_at": rfc3339(ends_ms),
        "check_in_every_s": every_s,
    }
    return [{**d, "nurse": member.nurse, "role": member.role, "visit": planned} for d in member.devices]


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
