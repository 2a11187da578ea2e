"""Seeds the demo's organisation through the same functions as the command line, and writes the roster."""

import os
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from devices.identity import new_secret
from devices.registry.port import DeviceKind
from safety.console.static_files import GROUND
from safety.demo.ground import district, ground
from safety.demo.roster import Member, roster_rows
from safety.domain.policy_import import PolicyDraft, Tier
from safety.store.database import Database
from safety.store.fleet import register_device
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.policies import apply_policy
from safety.store.responders import add_responder
from safety.store.users import add_user

_ACTOR = "demo"
# Several of each: while the alert of one is open, another one has her turn. The rest make routine visits.
_ACTORS = {
    "panic": (0, 3, 12),
    "leaves_fence": (1, 7, 18),
    "misses_check_in": (4, 11, 22),
    "cancelled_fall": (6, 16),
    "dies": (10, 21),
    "travelling": (5, 14, 20, 26, 29),
}
_ROLES = {index: role for role, actors in _ACTORS.items() for index in actors}
_TIERS_AFTER_S = (0.0, 60.0, 120.0)


class Login(msgspec.Struct):
    """A dispatcher's login, made at the demo's first start."""

    login: str
    password: str


class Demo(msgspec.Struct):
    """What the demo must remember between starts: it holds secrets, so only its owner may read it."""

    org: str
    login: Login
    members: list[Member]


def prepare_demo(database: Database, data_dir: Path, now_ms: int) -> Demo:
    """Return the demo in `data_dir`, made where it is not there yet, with visits that are on now.

    `demo/roster.json` in it then tells the simulators which devices to play.
    """
    folder = data_dir / "demo"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (data_dir / GROUND).exists():
        _write_private(data_dir / GROUND, ground())
    kept = folder / "demo.json"
    with database.writing() as connection:
        if kept.exists():
            demo = msgspec.json.decode(kept.read_bytes(), type=Demo)
        else:
            demo = _seed(connection, now_ms)
            # Before the commit: an organisation without its secrets could never be played again.
            _write_private(kept, msgspec.json.encode(demo))
        roster = [
            row
            for number, member in enumerate(demo.members)
            for row in roster_rows(connection, member, number, now_ms)
        ]
    _write_private(folder / "roster.json", msgspec.json.encode({"devices": roster}))
    return demo


def _seed(connection: Connection, now_ms: int) -> Demo:
    place = district()
    org = add_org(connection, name=place["organisation"]["name"], actor=_ACTOR, at_ms=now_ms)
    _add_ladder(connection, org, place["responders"], now_ms)
    login = Login(login="dispatcher", password=new_secret()[:16])
    add_user(connection, org, login.login, "dispatcher", login.password, now_ms)
    homes = place["homes"]
    members = [
        _add_member(connection, org, index, person, homes[index * 2 % len(homes)], now_ms)
        for index, person in enumerate(place["nurses"])
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


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
