"""Dispatch: a store with two organisations that must not see each other, and the API on top of it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import msgspec
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from devices.clock import ManualClock
from devices.identity import derived_id
from devices.reports import Position
from safety.api.application import create_app
from safety.api.context import AllWell, ApiSettings
from safety.api.hub import LiveHub
from safety.api.outbox import MAX_FRAMES
from safety.domain.fence_import import parse_fences
from safety.domain.policy_import import parse_policy
from safety.rules.effects import AlertKind, HearDevice, KeepRecord, PlacePosition, RaiseAlert
from safety.rules.sight import Sight
from safety.store.alerts import raise_alert
from safety.store.audit import append_audit
from safety.store.database import Database
from safety.store.effects import store_effects
from safety.store.fences import import_fences
from safety.store.fleet import register_device
from safety.store.gateways import add_gateway
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.policies import apply_policy
from safety.store.responders import add_responder
from safety.store.sessions import create_session
from safety.store.tables import dead_letters, metadata
from safety.store.users import add_user
from safety.store.visits import add_visit

START_MS = 1_790_000_000_000
PASSWORD = "correct horse battery"
ROLES = ("dispatcher", "supervisor", "admin", "auditor")
_AREA = b'{"type":"Polygon","coordinates":[[[121.4,31.2],[121.5,31.2],[121.5,31.3],[121.4,31.2]]]}'


class House(msgspec.Struct, kw_only=True):
    """One organisation and one of everything in it; `users` are ids by role, `logins` their logins."""

    org: str
    nurse: str
    device: str
    visit: str
    responder: str
    fence: str
    policy: str
    letter: str
    gateway: str
    alert: str
    users: dict[str, str]
    logins: dict[str, str]

    def marks(self) -> set[str]:
        """What must not be seen by anybody else: every id, and the name of every person."""
        own = {self.org, self.nurse, self.device, self.visit, self.responder, self.fence, self.policy}
        own.add(self.gateway)
        named = {f"nurse of {self.org}", f"responder of {self.org}"}
        return own | {self.letter, self.alert} | named | set(self.users.values()) | set(self.logins.values())


def alarm(
    house: House, cause: str, at_ms: int, *, kind: AlertKind = "panic", position: Position | None = None
) -> RaiseAlert:
    """An alarm of the house's nurse; its id is derived from `cause`."""
    return RaiseAlert(
        id=derived_id("test", cause),
        kind=kind,
        severity="critical",
        org=house.org,
        nurse=house.nurse,
        device=house.device,
        occurred_ms=at_ms,
        received_ms=at_ms,
        source_event=cause,
        position=position,
        alarm=cause,
    )


def build_house(
    connection: Connection,
    name: str,
    at_ms: int = START_MS,
    parent: str | None = None,
    roles: tuple[str, ...] = ROLES,
) -> House:
    """Add an organisation with one of everything."""
    by = {"actor": "system", "at_ms": at_ms}
    org = add_org(connection, name=name, parent=parent, actor="system", at_ms=at_ms)
    nurse = add_nurse(
        connection, org=org, name=f"nurse of {org}", phone="13800000000", actor="system", at_ms=at_ms
    )
    device, _ = register_device(connection, kind="phone", nurse=nurse, actor="system", at_ms=at_ms)
    visit = add_visit(
        connection,
        nurse=nurse,
        lat=31.23,
        lon=121.47,
        starts_ms=at_ms - 600_000,
        ends_ms=at_ms + 3_600_000,
        actor="system",
        at_ms=at_ms,
    )
    responder = add_responder(connection, org=org, name=f"responder of {org}", actor="system", at_ms=at_ms)
    (fence,) = import_fences(connection, org=org, drafts=parse_fences(_AREA), actor="system", at_ms=at_ms)
    tiers = [{"after": 0, "responders": [responder]}, {"after": 60, "responders": [responder]}]
    draft = parse_policy({"org": org, "name": "ladder", "tiers": tiers})
    policy, _ = apply_policy(connection, draft, actor="system", at_ms=at_ms)
    letter = f"letter-{name}"
    connection.execute(
        dead_letters.insert().values(
            id=letter,
            at_ms=at_ms,
            topic=f"vigil/v1/{device.id}/alarm",
            device=device.id,
            org=org,
            reason="unreadable",
            explanation="not JSON",
            field="$",
            payload=b"\xff{" * 3000,
        )
    )
    logins = {role: f"{role}@{name}" for role in roles}
    users = {role: add_user(connection, org, login, role, PASSWORD, at_ms) for role, login in logins.items()}
    house = House(
        org=org,
        nurse=nurse,
        device=device.id,
        visit=visit,
        responder=responder,
        fence=fence,
        policy=policy.id,
        letter=letter,
        gateway=add_gateway(connection, org=org, codec="traccar", actor="system", at_ms=at_ms)[0].id,
        alert="",
        users=users,
        logins=logins,
    )
    append_audit(connection, action="opened", org=org, subject=org, **by)  # type: ignore[arg-type]  # as above
    _happen(connection, house, at_ms)
    return house


def _happen(connection: Connection, house: House, at_ms: int) -> None:
    raised = alarm(house, f"first of {house.org}", at_ms)
    house.alert = raised.id
    raise_alert(connection, raised, at_ms)
    place_nurse(connection, house, at_ms - 30_000, 31.2304, 121.4737)
    store_effects(connection, [noted(house, at_ms)], at_ms)


def noted(house: House, at_ms: int) -> KeepRecord:
    """The step `opened` of the house's visit."""
    return KeepRecord(
        id=derived_id("test", house.org, "opened"),
        org=house.org,
        nurse=house.nurse,
        device=house.device,
        visit=house.visit,
        kind="step",
        time_ms=at_ms,
        received_ms=at_ms,
        detail={"code": "opened"},
    )


def place_nurse(connection: Connection, house: House, at_ms: int, lat: float, lon: float) -> None:
    """Have the house's device send a fix."""
    position = Position(lat=lat, lon=lon, accuracy_m=12.0, time_ms=at_ms)
    sight = Sight(position, at_ms, at_ms, house.nurse, house.org, house.device, "fix", None, at_ms)
    store_effects(connection, [PlacePosition(sight, house.visit, newest=True, battery_pct=80.0)], at_ms)


class Dispatch:
    """The API over a store: `ours` with `child` below it, and `theirs`, who are strangers."""

    def __init__(
        self,
        database: Database,
        houses: dict[str, House],
        settings: ApiSettings,
        *,
        max_queued_frames: int = MAX_FRAMES,
    ) -> None:
        self.database = database
        self.ours, self.child, self.theirs = houses["ours"], houses["child"], houses["theirs"]
        self.clock = ManualClock(START_MS + 1_000)
        self.registry = CollectorRegistry()
        self.hub = LiveHub(database, self.clock, self.registry, max_queued_frames=max_queued_frames)
        self.health = AllWell("store", "log", "broker", "engine", "routing")
        self.app: FastAPI = create_app(
            database,
            self.clock,
            health=self.health,
            hub=self.hub,
            registry=self.registry,
            settings=settings,
        )

    def token(self, house: House, role: str = "dispatcher", ttl_s: float = 3600) -> str:
        """Log the house's user of that role in."""
        with self.database.writing() as connection:
            return create_session(connection, house.users[role], ttl_s, self.clock.now_ms())

    def raise_alarm(self, house: House, cause: str, kind: AlertKind = "panic", *, fat: bool = False) -> str:
        """Store an alarm as the runner does, and wake the hub; returns the alert's id.

        A `fat` one is large, so that few of them fill a connection.
        """
        now_ms = self.clock.now_ms()
        why: dict[str, str | int | float | bool | None] = {"why": "x" * 100_000} if fat else {}
        raised = msgspec.structs.replace(alarm(house, cause, now_ms, kind=kind), why=why)
        with self.database.writing() as connection:
            raise_alert(connection, raised, now_ms)
        self.hub.wake()
        return raised.id

    def go_offline(self, house: House) -> None:
        """Have the broker say the last will of the house's device."""
        gone = HearDevice(device=house.device, heard_ms=self.clock.now_ms(), online=False)
        with self.database.writing() as connection:
            store_effects(connection, [gone], self.clock.now_ms())

    @asynccontextmanager
    async def client(
        self, house: House | None = None, role: str = "dispatcher"
    ) -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client of that user, without a network; of nobody for None."""
        headers = {"Authorization": f"Bearer {self.token(house, role)}"} if house else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://vigil.test", headers=headers
        ) as client:
            yield client


def build_store(url: str) -> dict[str, House]:
    """Make the store with its three organisations at `url`."""
    database = Database(url)
    try:
        metadata.create_all(database.engine)
        with database.writing() as connection:
            ours = build_house(connection, "ours")
            child = build_house(connection, "child", START_MS + 1, ours.org, ("dispatcher", "admin"))
            theirs = build_house(connection, "theirs", START_MS + 2)
    finally:
        database.close()
    return {"ours": ours, "child": child, "theirs": theirs}


@contextmanager
def opened(
    url: str,
    houses: dict[str, House],
    settings: ApiSettings | None = None,
    *,
    max_queued_frames: int = MAX_FRAMES,
) -> Iterator[Dispatch]:
    """The API over a copy of the store that `build_store` made."""
    database = Database(url)
    try:
        yield Dispatch(
            database,
            houses,
            settings or ApiSettings(version="1.2.3"),
            max_queued_frames=max_queued_frames,
        )
    finally:
        database.close()
