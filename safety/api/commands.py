"""Commands: what people have a device told, and what became of it."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Row

from devices.rfc3339 import rfc3339
from safety.api import schemas
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body
from safety.api.context import Services
from safety.api.paging import PageByTime
from safety.api.people import EDITS, Actor, Seen
from safety.api.views import View, time_or_none
from safety.domain.asking import AskedKind
from safety.errors import Forbidden
from safety.store.deliveries import list_deliveries, read_delivery, state_of
from safety.store.master_queries import read_device
from safety.store.requests import ask_device

router = APIRouter(tags=["devices"])


class NewCommand(Body):
    """What a device is to be told; which fields belong to it depends on its `kind`."""

    kind: AskedKind
    text: Annotated[str | None, Field(description="of a message: what she is to read")] = None
    fix_every_s: Annotated[float | None, Field(description="of configure; null: its own")] = None
    first_seq: Annotated[int | None, Field(description="of resend")] = None
    last_seq: Annotated[int | None, Field(description="of resend")] = None
    ttl_s: Annotated[float | None, Field(description="for how long it is worth telling")] = None


@router.post("/devices/{device}/commands", status_code=201, response_model=schemas.DeviceCommand)
def tell_device(device: str, body: NewCommand, person: Actor, scope: Seen, services: Services) -> Answer:
    """Have a device told something; while it is away it is kept for it until it expires.

    A device's configuration is changed by supervisors only.
    """
    if body.kind == "configure" and person.role not in EDITS:
        raise Forbidden(f"role {person.role} may not configure a device: it takes {' or '.join(EDITS)}")
    given = body.model_dump(exclude={"kind", "ttl_s"}, exclude_unset=True)
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        read_device(connection, scope, device)
        command = ask_device(
            connection, device, body.kind, given, ttl_s=body.ttl_s, actor=person.login, at_ms=now_ms
        )
        shown = command_view(read_delivery(connection, scope, command), now_ms)
    services.wake()
    return Answer(shown, 201)


@router.get("/devices/{device}/commands", response_model=schemas.Page[schemas.DeviceCommand])
def commands(device: str, page: PageByTime, scope: Seen, services: Services) -> Answer:
    """Return what a device was told or is to be told, newest first, and what became of it."""
    now_ms = services.clock.now_ms()
    with services.database.reading() as connection:
        read_device(connection, scope, device)
        listed = list_deliveries(connection, scope, device, page)
        return list_answer(listed, lambda row: command_view(row, now_ms))


def command_view(row: Row[Any], now_ms: int) -> View:
    """Return a command and what became of it."""
    return {
        "id": row.id,
        "device": row.device,
        "kind": row.kind,
        "details": row.body.get("details") or {},
        "alert": row.body.get("alert"),
        "state": state_of(row, now_ms),
        "asked_by": row.asked_by,
        "created_at": rfc3339(row.created_ms),
        "expires_at": rfc3339(row.expires_ms),
        "sent_at": time_or_none(row.sent_ms),
        "fetched_at": time_or_none(row.handed_ms),
        "answered_at": time_or_none(row.answered_ms),
        "attempts": row.attempts,
    }
