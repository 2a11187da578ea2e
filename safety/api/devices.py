"""Devices: what nurses carry, how they are, and who may hand them out."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from sqlalchemy import Row

from devices.registry.port import DeviceKind
from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Context, Services
from safety.api.paging import PageById
from safety.api.people import Editor, Seen
from safety.domain.enrolment import enrol
from safety.qr import as_svg
from safety.store.fleet import hand_device, register_device, rotate_device, withdraw_device
from safety.store.master_queries import list_devices, read_device, read_nurse

router = APIRouter(tags=["master data"])


class NewDevice(Body):
    """A device to be handed to a nurse."""

    kind: DeviceKind
    nurse: str
    codec: str = "native"
    external_id: str | None = None


class DeviceChange(Change):
    """What is to change of a device: whose it is, or that it is refused from now on."""

    nurse: str = ""
    revoked: Literal[True] = True


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
def add_device(body: NewDevice, request: Request, person: Editor, scope: Seen, services: Services) -> Answer:
    """Add a device; the answer holds its secret, and what sets it up: neither is ever shown again."""
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        read_nurse(connection, scope, body.nurse, now_ms)
        device, secret = register_device(connection, **body.model_dump(), actor=person.login, at_ms=now_ms)
        row = read_device(connection, scope, device.id)
    return Answer(issued(row, secret, request, services), 201)


@router.patch("/devices/{device}", response_model=schemas.Device)
def change_device(device: str, body: DeviceChange, person: Editor, scope: Seen, services: Services) -> Answer:
    """Hand a device to another nurse, or refuse it."""
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        read_device(connection, scope, device)
        if "nurse" in body.model_fields_set:
            read_nurse(connection, scope, body.nurse, now_ms)
            hand_device(connection, device, body.nurse, actor=person.login, at_ms=now_ms)
        if "revoked" in body.model_fields_set:
            withdraw_device(connection, device, actor=person.login, at_ms=now_ms)
        return Answer(views.device(read_device(connection, scope, device)))


@router.post("/devices/{device}/rotate", response_model=schemas.IssuedDevice)
def rotate(device: str, request: Request, person: Editor, scope: Seen, services: Services) -> Answer:
    """Give a device a new secret, shown once as when it was added; the old one is worth nothing now."""
    with services.database.writing() as connection:
        row = read_device(connection, scope, device)
        secret = rotate_device(connection, device, actor=person.login, at_ms=services.clock.now_ms())
    return Answer(issued(row, secret, request, services))


def issued(
    row: Row[Any], secret: str, request: Request, services: Context, *, qr: bool = True
) -> dict[str, object]:
    """Return a device with its new secret, and what sets it up: link, settings and, with `qr`, a QR code."""
    found_at = f"{request.url.scheme}://{request.url.netloc}"
    reach = services.settings.addresses.reach(found_at)
    enrolment = enrol(row.id, row.codec, row.external_id, secret, reach)
    return {
        **views.device(row),
        "secret": secret,
        "app": enrolment.app,
        "link": enrolment.link,
        "settings": enrolment.settings,
        "qr_svg": as_svg(enrolment.link) if qr and enrolment.link is not None else None,
    }
