"""Gateways: servers with a login of their own that bring what many devices said.

A gateway is in the registry beside the devices, with the kind `gateway` and no nurse. It may speak for the
devices of its own dialect in its organisation and below (`devices.registry.port.may_speak_for`).
"""

from typing import Any

from sqlalchemy import Connection, Row, Select, select

from devices.codecs.dialects import GATEWAYS
from devices.identity import new_id
from devices.registry.port import Device
from devices.registry.sql import add_device, revoke_device, rotate_secret
from safety.domain import checks
from safety.errors import InvalidInput, NotFound
from safety.store.changes import record_change
from safety.store.orgs import find_org
from safety.store.queries import Listed, Page, Scope, read_page
from safety.store.tables import devices, gateways

CODECS = tuple(GATEWAYS)


def add_gateway(
    connection: Connection, *, org: str, codec: str, name: str | None = None, actor: str, at_ms: int
) -> tuple[Row[Any], str]:
    """Register a gateway of `org`; return it and its secret, which is stored only as a hash.

    Raises:
        InvalidInput: a value cannot be taken.
        NotFound: there is no such organisation.
    """
    checks.one_of(codec, "codec", CODECS)
    called = checks.optional_text(name, "name", 100) or codec
    device = Device(
        id=new_id("gtw"), kind="gateway", org=find_org(connection, org).id, nurse=None, codec=codec
    )
    secret = add_device(connection, device, at_ms)
    connection.execute(gateways.insert().values(id=device.id, name=called))
    gateway = find_gateway(connection, device.id)
    _record(connection, "gateway_added", gateway, actor, at_ms)
    return gateway, secret


def rotate_gateway(connection: Connection, gateway: str, *, actor: str, at_ms: int) -> str:
    """Give the gateway a new secret and return it.

    Raises:
        NotFound: there is no such gateway.
        InvalidInput: it is revoked.
    """
    known = find_gateway(connection, gateway)
    if known.revoked_ms is not None:
        raise InvalidInput(f"gateway {gateway} is revoked: add a new one in its place")
    secret = rotate_secret(connection, gateway, at_ms)
    _record(connection, "gateway_rotated", known, actor, at_ms)
    return secret


def revoke_gateway(connection: Connection, gateway: str, *, actor: str, at_ms: int) -> Row[Any]:
    """Refuse the gateway from now on, and return it as it is then.

    Raises:
        NotFound: there is no such gateway.
    """
    known = find_gateway(connection, gateway)
    if known.revoked_ms is None:
        revoke_device(connection, gateway, at_ms)
        _record(connection, "gateway_revoked", known, actor, at_ms)
    return find_gateway(connection, gateway)


def find_gateway(connection: Connection, gateway: str, scope: Scope | None = None) -> Row[Any]:
    """Return the gateway, revoked or not; with `scope` only if it may be seen.

    Raises:
        NotFound: there is none with that id, or it is another organisation's.
    """
    statement = _gateways().where(devices.c.id == gateway)
    if scope is not None:
        statement = statement.where(scope.covers(devices.c.org))
    row = connection.execute(statement).first()
    if row is None:
        raise NotFound(f"no gateway {gateway}: see `vigil gateway list`")
    return row


def list_gateways(connection: Connection, scope: Scope, page: Page) -> Listed:
    """Return gateways; the key is (id)."""
    return read_page(connection, _gateways().where(scope.covers(devices.c.org)), (devices.c.id,), page)


def all_gateways(connection: Connection, org: str | None = None) -> list[Row[Any]]:
    """Return gateways by id: of `org` (None: of all)."""
    statement = _gateways().order_by(devices.c.id)
    if org is not None:
        statement = statement.where(devices.c.org == org)
    return list(connection.execute(statement))


def _gateways() -> Select[Any]:
    own = (devices.c[name] for name in ("id", "org", "codec", "created_ms", "revoked_ms"))
    return select(*own, gateways.c.name).join(gateways, gateways.c.id == devices.c.id)


def _record(connection: Connection, action: str, gateway: Row[Any], actor: str, at_ms: int) -> None:
    detail = {"codec": gateway.codec}
    record_change(connection, action, gateway.id, org=gateway.org, actor=actor, at_ms=at_ms, detail=detail)
