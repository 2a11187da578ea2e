"""Responders: who is told of an alert, where, and from where they come."""

from collections.abc import Collection
from typing import TypedDict

import msgspec
from sqlalchemy import Connection, select

from devices.identity import new_id
from safety.domain import checks
from safety.errors import NotFound
from safety.store.afresh import page_afresh, stop_notices
from safety.store.changes import record_change
from safety.store.orgs import find_org
from safety.store.tables import responders

_COLUMNS = (
    responders.c.id,
    responders.c.org,
    responders.c.name,
    responders.c.channels,
    responders.c.lat,
    responders.c.lon,
)
DEFAULT_CHANNELS = ["log:"]


class Responder(msgspec.Struct, frozen=True, kw_only=True):
    """A responder; `channels` are webhook URLs, or `log:`, lat and lon (WGS-84) where they wait."""

    id: str
    org: str
    name: str
    channels: list[str]
    lat: float | None
    lon: float | None


class ResponderChanges(TypedDict, total=False):
    """What may be changed of a responder."""

    name: str
    channels: list[str]
    lat: float | None
    lon: float | None


def add_responder(
    connection: Connection,
    *,
    org: str,
    name: str,
    channels: Collection[str] = (),
    lat: float | None = None,
    lon: float | None = None,
    actor: str,
    at_ms: int,
) -> str:
    """Add a responder and return the id; without a channel, `log:`, a line in the log.

    Raises:
        InvalidInput: a value cannot be taken.
        NotFound: there is no organisation `org`.
    """
    find_org(connection, org)
    lat, lon = checks.optional_place(lat, lon)
    responder = new_id("rsp")
    connection.execute(
        responders.insert().values(
            id=responder,
            org=org,
            name=checks.text(name, "name"),
            channels=checks.channels(list(channels)) or DEFAULT_CHANNELS,
            lat=lat,
            lon=lon,
            created_ms=at_ms,
        )
    )
    record_change(connection, "responder_added", responder, org=org, actor=actor, at_ms=at_ms)
    page_afresh(connection, org, at_ms)
    return responder


def update_responder(
    connection: Connection, responder: str, changes: ResponderChanges, *, actor: str, at_ms: int
) -> Responder:
    """Change what `changes` names and return the responder as it is now.

    Raises:
        InvalidInput: a value cannot be taken.
        NotFound: there is no such responder.
    """
    known = find_responder(connection, responder)
    values: dict[str, object] = {}
    if "name" in changes:
        values["name"] = checks.text(changes["name"], "name")
    if "channels" in changes:
        values["channels"] = checks.channels(changes["channels"]) or DEFAULT_CHANNELS
    if "lat" in changes or "lon" in changes:
        lat, lon = changes.get("lat", known.lat), changes.get("lon", known.lon)
        values["lat"], values["lon"] = checks.optional_place(lat, lon)
    if not values:
        return known
    connection.execute(responders.update().where(responders.c.id == responder).values(values))
    detail = {"changed": sorted(changes)}
    record_change(
        connection, "responder_changed", responder, org=known.org, actor=actor, at_ms=at_ms, detail=detail
    )
    changed = find_responder(connection, responder)
    if changed.channels != known.channels:
        stop_notices(connection, responder, changed.channels)
        page_afresh(connection, known.org, at_ms)
    return changed


def find_responder(connection: Connection, responder: str) -> Responder:
    """Return the responder.

    Raises:
        NotFound: there is none with that id.
    """
    row = connection.execute(select(*_COLUMNS).where(responders.c.id == responder)).first()
    if row is None:
        raise NotFound(f"no responder {responder}: see `vigil responder list`")
    return Responder(**row._mapping)


def list_responders(connection: Connection, *, orgs: Collection[str] | None = None) -> list[Responder]:
    """Return responders by id: of `orgs` (None: of all)."""
    statement = select(*_COLUMNS).order_by(responders.c.id)
    if orgs is not None:
        statement = statement.where(responders.c.org.in_(orgs))
    return [Responder(**row._mapping) for row in connection.execute(statement)]
