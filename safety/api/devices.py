"""Devices: what nurses carry, how they are, and who may hand them out."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from devices.registry.port import DeviceKind
from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Editor, Seen
from safety.store.fleet import hand_device, register_device, rotate_device, withdraw_device
from safety.store.master_queries import list_devices, read_device, read_nurse

router = APIRouter(tags=["master data"])


class NewDevice(BaseModel):
    """A device to be handed to a nurse."""

    model_config = ConfigDict(extra="forbid")

    kind: DeviceKind
    nurse: str
    codec: str = "native"
    external_id: str | None = None


class DeviceChange(BaseModel):
    """What is to change of a device: whose it is, or that it is refused from now on."""

    model_config = ConfigDict(extra="forbid")

    nurse: str | None = None
    revoked: Literal[True] | None = None


@router.get("/devices", response_model=schemas.Page[schemas.Device])
def devices(page: PageById, scope: Seen, services: Services) -> Answer:
    """Return devices."""
    with services.database.reading() as connection:
        return list_answer(list_devices(connection, scope, page), views.device)


@router.get("/devices/{device}", response_model=schemas.Device)
def device_detail(device: str, scope: Seen, services: Services) -> Answer:
    """Return one device."""
    with services.database.reading() as connection:
        return Answer(views.device(read_device(connection, scope, device)))


@router.post("/devices", status_code=201, response_model=schemas.IssuedDevice)
def add_device(body: NewDevice, person: Editor, scope: Seen, services: Services) -> Answer:
    """Add a device; the answer holds its secret, which is never shown again."""
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        read_nurse(connection, scope, body.nurse, now_ms)
        device, secret = register_device(connection, **body.model_dump(), actor=person.login, at_ms=now_ms)
        shown = views.device(read_device(connection, scope, device.id))
    return Answer({**shown, "secret": secret}, 201)


@router.patch("/devices/{device}", response_model=schemas.Device)
def change_device(device: str, body: DeviceChange, person: Editor, scope: Seen, services: Services) -> Answer:
    """Hand a device to another nurse, or refuse it."""
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        read_device(connection, scope, device)
        if body.nurse is not None:
            read_nurse(connection, scope, body.nurse, now_ms)
            hand_device(connection, device, body.nurse, actor=person.login, at_ms=now_ms)
        if body.revoked:
            withdraw_device(connection, device, actor=person.login, at_ms=now_ms)
        return Answer(views.device(read_device(connection, scope, device)))


@router.post("/devices/{device}/rotate", response_model=schemas.NewSecret)
def rotate(device: str, person: Editor, scope: Seen, services: Services) -> Answer:
    """Give a device a new secret; the old one is worth nothing from now on."""
    with services.database.writing() as connection:
        read_device(connection, scope, device)
        secret = rotate_device(connection, device, actor=person.login, at_ms=services.clock.now_ms())
    return Answer({"id": device, "secret": secret})
