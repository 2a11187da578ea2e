"""Fleet: nurses with a phone each, a dispatcher and a guard to call, in a store before the service starts.

Twenty devices through the command line are twenty processes; the store is where those end, too.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from devices.clock import Clock
from safety.domain.policy_import import parse_policy
from safety.store.database import Database, database_url
from safety.store.fleet import register_device
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.policies import apply_policy
from safety.store.responders import add_responder
from safety.store.users import add_user

PASSWORD = "correct horse battery"
LOGIN = "dispatcher"


class Login(NamedTuple):
    """How a device logs in, and whose it is."""

    id: str
    secret: str
    nurse: str


def enroll(data_dir: Path, count: int, clock: Clock) -> list[Login]:
    """Make a store in `data_dir` with `count` nurses and their phones; return the phones' logins."""
    data_dir.mkdir(mode=0o700)
    database = Database(database_url(data_dir))
    try:
        migrate(database.engine)
        return enroll_in(database, count, clock, [{"after": 0, "channel": "log:"}])
    finally:
        database.close()


def enroll_in(
    database: Database, count: int, clock: Clock, tiers: Sequence[Mapping[str, Any]]
) -> list[Login]:
    """Have `count` nurses with a phone each, a dispatcher, and a ladder with somebody at each of `tiers`.

    Of a tier `channel` is where its guard is reached, and `after` how many seconds the one before has.
    """
    at_ms = clock.now_ms()
    # Not as a writer of the service, whom PostgreSQL ends when it stands still: here all may be slow.
    with database.engine.begin() as connection:
        org = add_org(connection, name="crowd", actor="system", at_ms=at_ms)
        add_user(connection, org, LOGIN, "dispatcher", PASSWORD, at_ms)
        ladder = []
        for number, tier in enumerate(tiers):
            name, channels = f"guard {number}", [tier["channel"]]
            guard = add_responder(
                connection, org=org, name=name, channels=channels, actor="system", at_ms=at_ms
            )
            ladder.append({"after": tier["after"], "responders": [guard]})
        policy = parse_policy({"org": org, "name": "ladder", "tiers": ladder})
        apply_policy(connection, policy, actor="system", at_ms=at_ms)
        logins = []
        for number in range(count):
            nurse = add_nurse(connection, org=org, name=f"nurse {number}", actor="system", at_ms=at_ms)
            device, secret = register_device(
                connection, kind="phone", nurse=nurse, actor="system", at_ms=at_ms
            )
            logins.append(Login(device.id, secret, nurse))
    return logins


@asynccontextmanager
async def dispatcher(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the API at `url` that is logged in; its session outlives the service's restarts."""
    async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as http:
        answer = await http.post("/api/v1/session", json={"username": LOGIN, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        http.cookies.clear()
        http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield http
