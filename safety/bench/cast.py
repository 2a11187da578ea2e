"""Cast: who is needed to measure: an organisation with a dispatcher, people who press, people who walk."""

from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from devices.identity import new_secret
from safety.domain.policy_import import PolicyDraft, Tier
from safety.store.database import Database
from safety.store.fleet import register_device
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.policies import apply_policy
from safety.store.responders import add_responder
from safety.store.sessions import create_session
from safety.store.users import add_user
from safety.store.visits import add_visit

LAT, LON = 31.23, 121.465
_ACTOR = "bench"
# Walkers are told to be somewhere within 1.5 km of the centre: nobody leaves her visit.
_RADIUS_M = 5_000.0
_HOUR_MS = 3_600_000


class Credentials(NamedTuple):
    """How a device logs in."""

    id: str
    secret: str


class Cast(NamedTuple):
    """`phones` press for help; `walkers`, on a visit each, make the load; `token` logs the dispatcher in."""

    phones: list[Credentials]
    walkers: list[Credentials]
    token: str


def seed(database: Database, phones: int, walkers: int, now_ms: int) -> Cast:
    """Make the store in `database` and put the cast into it."""
    migrate(database.engine)
    with database.writing() as connection:
        org = add_org(connection, name="Bench", actor=_ACTOR, at_ms=now_ms)
        _add_ladder(connection, org, now_ms)
        user = add_user(connection, org, "bench", "dispatcher", new_secret(), now_ms)
        return Cast(
            [_add_phone(connection, org, f"Presses {number}", now_ms) for number in range(phones)],
            [
                _add_phone(connection, org, f"Walks {number}", now_ms, visits=True)
                for number in range(walkers)
            ],
            create_session(connection, user, _HOUR_MS / 1000, now_ms),
        )


def write_roster(walkers: list[Credentials], path: Path) -> None:
    """Write the file from which the load generator takes its devices; it holds secrets."""
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode({"devices": [walker._asdict() for walker in walkers]}))


def _add_ladder(connection: Connection, org: str, now_ms: int) -> None:
    """Somebody is paged for each panic, as in earnest, into the service's own log."""
    responder = add_responder(
        connection, org=org, name="On call", channels=["log:"], lat=LAT, lon=LON, actor=_ACTOR, at_ms=now_ms
    )
    ladder = PolicyDraft(org=org, name="Ladder", tiers=(Tier(after_s=0.0, responders=(responder,)),))
    apply_policy(connection, ladder, actor=_ACTOR, at_ms=now_ms)


def _add_phone(
    connection: Connection, org: str, name: str, now_ms: int, *, visits: bool = False
) -> Credentials:
    nurse = add_nurse(connection, org=org, name=name, actor=_ACTOR, at_ms=now_ms)
    if visits:
        add_visit(
            connection,
            nurse=nurse,
            lat=LAT,
            lon=LON,
            radius_m=_RADIUS_M,
            starts_ms=now_ms - _HOUR_MS,
            ends_ms=now_ms + _HOUR_MS,
            actor=_ACTOR,
            at_ms=now_ms,
        )
    device, secret = register_device(connection, kind="phone", nurse=nurse, actor=_ACTOR, at_ms=now_ms)
    return Credentials(device.id, secret)
