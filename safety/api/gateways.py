"""Gateways: servers that bring what many devices said, and who may let them in."""

from typing import Any, Literal

from fastapi import APIRouter
from sqlalchemy import Row

from devices.rfc3339 import rfc3339
from safety.api import schemas
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Editor, Seen
from safety.store import gateways as store

router = APIRouter(tags=["master data"])


class NewGateway(Body):
    """A gateway to be let in: which dialect it brings, and what people call it."""

    codec: str
    org: str | None = None
    name: str | None = None


class GatewayChange(Change):
    """That a gateway is refused from now on."""

    revoked: Literal[True]


@router.get("/gateways", response_model=schemas.Page[schemas.Gateway])
def gateways(page: PageById, scope: Seen, services: Services) -> Answer:
    """Return gateways."""
    with services.database.reading() as connection:
        return list_answer(store.list_gateways(connection, scope, page), _shown)


@router.post("/gateways", status_code=201, response_model=schemas.IssuedGateway)
def add_gateway(body: NewGateway, person: Editor, scope: Seen, services: Services) -> Answer:
    """Add a gateway; the answer holds its secret, which is never shown again."""
    org, now_ms = body.org or person.org, services.clock.now_ms()
    values = body.model_dump(exclude={"org"})
    with services.database.writing() as connection:
        scope.require(connection, org)
        gateway, secret = store.add_gateway(connection, org=org, actor=person.login, at_ms=now_ms, **values)
    return Answer({**_shown(gateway), "secret": secret}, 201)


@router.patch("/gateways/{gateway}", response_model=schemas.Gateway)
def change_gateway(
    gateway: str, body: GatewayChange, person: Editor, scope: Seen, services: Services
) -> Answer:
    """Refuse a gateway from now on."""
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        store.find_gateway(connection, gateway, scope)
        return Answer(_shown(store.revoke_gateway(connection, gateway, actor=person.login, at_ms=now_ms)))


@router.post("/gateways/{gateway}/rotate", response_model=schemas.IssuedGateway)
def rotate_gateway(gateway: str, person: Editor, scope: Seen, services: Services) -> Answer:
    """Give a gateway a new secret; the old one is worth nothing from now on."""
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        known = store.find_gateway(connection, gateway, scope)
        secret = store.rotate_gateway(connection, gateway, actor=person.login, at_ms=now_ms)
    return Answer({**_shown(known), "secret": secret})


def _shown(gateway: Row[Any]) -> dict[str, Any]:
    return {
        "id": gateway.id,
        "name": gateway.name,
        "org": gateway.org,
        "codec": gateway.codec,
        "revoked": gateway.revoked_ms is not None,
        "added_at": rfc3339(gateway.created_ms),
    }
