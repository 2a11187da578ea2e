"""The fleet: devices handed to nurses, their secrets renewed, or refused; each change is recorded."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, select

from devices.codecs.dialects import DIALECTS, GATEWAYS
from devices.errors import UnknownDevice
from devices.identity import new_id
from devices.registry.port import Device, DeviceKind
from devices.registry.sql import add_devices, bind_device, holder_of, revoke_device, rotate_secret
from safety.domain import checks
from safety.errors import InvalidInput
from safety.store.audit import Deed, append_deeds
from safety.store.bindings import close_binding, open_bindings
from safety.store.changes import record_change, replan_nurse
from safety.store.nurses import find_nurse
from safety.store.pace import follow_owner
from safety.store.tables import device_tests, devices

KINDS = ("phone", "recorder", "button")
# Those that the service reads: an alarm in any other dialect would end in the dead letters.
CODECS = tuple(DIALECTS)
_COLUMNS = (
    devices.c.id,
    devices.c.kind,
    devices.c.org,
    devices.c.nurse,
    devices.c.codec,
    devices.c.external_id,
    devices.c.revoked_ms,
)
# Gateways have their logins in the same table: `safety.store.gateways`.
_CARRIED = devices.c.kind != "gateway"


def register_device(
    connection: Connection,
    *,
    kind: DeviceKind,
    nurse: str,
    codec: str = "native",
    external_id: str | None = None,
    actor: str,
    at_ms: int,
) -> tuple[Device, str]:
    """Register a device of `nurse`; return it and its secret, which is stored only as a hash.

    Raises:
        InvalidInput: a value cannot be taken, or another device has the external id.
        NotFound: there is no such nurse.
    """
    checks.one_of(kind, "kind", KINDS)
    checks.one_of(codec, "codec", CODECS)
    external_id = checks.external_id(external_id, codec)
    if codec in GATEWAYS and external_id is None:
        raise InvalidInput(f"external id: expected what the {codec} gateway calls the device", "external_id")
    holder = None if external_id is None else holder_of(connection, external_id)
    if holder is not None:
        raise InvalidInput(
            f"external id {external_id!r} belongs to {holder}: expected one not in use", "external_id"
        )
    device = Device(
        id=new_id("dev"),
        kind=kind,
        org=find_nurse(connection, nurse).org,
        nurse=nurse,
        codec=codec,
        external_id=external_id,
    )
    (secret,) = register_checked(connection, [device], actor=actor, at_ms=at_ms)
    return device, secret


def register_checked(connection: Connection, added: Sequence[Device], *, actor: str, at_ms: int) -> list[str]:
    """Register devices of nurses, all of whose values can be taken; return their secrets, in order.

    Thousands in one step: while they are written nothing else is, alerts neither.
    """
    secrets = add_devices(connection, added, at_ms)
    open_bindings(connection, added, actor, at_ms)
    for nurse in sorted({str(device.nurse) for device in added}):
        replan_nurse(connection, nurse)
    append_deeds(
        connection,
        [
            Deed(actor, "device_added", at_ms, device.org, device.id, {"nurse": device.nurse})
            for device in added
        ],
    )
    return secrets


def rotate_device(connection: Connection, device: str, *, actor: str, at_ms: int) -> str:
    """Give the device a new secret and return it.

    Raises:
        UnknownDevice: there is no such device.
        InvalidInput: it is revoked.
    """
    known = _find_in_use(connection, device)
    secret = rotate_secret(connection, device, at_ms)
    _record(connection, "device_rotated", known, actor, at_ms)
    return secret


def withdraw_device(connection: Connection, device: str, *, actor: str, at_ms: int) -> None:
    """Refuse the device from now on.

    Raises:
        UnknownDevice: there is no such device.
    """
    known = find_device(connection, device)
    revoke_device(connection, device, at_ms)
    _end_binding(connection, device, "revoked", actor, at_ms)
    if known.nurse is not None:
        replan_nurse(connection, known.nurse)
    _record(connection, "device_revoked", known, actor, at_ms)


def hand_device(connection: Connection, device: str, nurse: str, *, actor: str, at_ms: int) -> Device:
    """Bind the device to `nurse`, whoever had it before, and return it as it is now.

    Raises:
        UnknownDevice: there is no such device.
        NotFound: there is no such nurse.
        InvalidInput: the device is revoked.
    """
    before = _find_in_use(connection, device)
    org = find_nurse(connection, nurse).org
    bind_device(connection, device, nurse, org)
    if nurse != before.nurse:
        _end_binding(connection, device, "handed_over", actor, at_ms)
        open_bindings(connection, [msgspec.structs.replace(before, nurse=nurse, org=org)], actor, at_ms)
        follow_owner(connection, device, nurse, at_ms)
    for concerned in {before.nurse, nurse} - {None}:
        replan_nurse(connection, str(concerned))
    now = find_device(connection, device)
    _record(connection, "device_bound", now, actor, at_ms)
    return now


def find_device(connection: Connection, device: str) -> Device:
    """Return the device, revoked or not.

    Raises:
        UnknownDevice: there is none with that id.
    """
    row = connection.execute(select(*_COLUMNS).where(devices.c.id == device, _CARRIED)).first()
    if row is None:
        raise UnknownDevice(f"no device {device}: see `vigil device list`")
    return _device(row._asdict())


def list_devices(connection: Connection, *, orgs: Collection[str] | None = None) -> list[Device]:
    """Return devices by id: of `orgs` (None: of all)."""
    statement = select(*_COLUMNS).where(_CARRIED).order_by(devices.c.id)
    if orgs is not None:
        statement = statement.where(devices.c.org.in_(orgs))
    return [_device(row._asdict()) for row in connection.execute(statement)]


def _find_in_use(connection: Connection, device: str) -> Device:
    known = find_device(connection, device)
    if known.revoked:
        raise InvalidInput(f"device {device} is revoked: add a new one in its place")
    return known


def _device(row: dict[str, object]) -> Device:
    revoked = row.pop("revoked_ms") is not None
    return Device(**row, revoked=revoked)  # type: ignore[arg-type]  # the columns have the struct's types


def _end_binding(connection: Connection, device: str, how: str, actor: str, at_ms: int) -> None:
    close_binding(connection, device, how, actor, at_ms)
    # A test was planned for whoever had it: what the next one presses is real.
    connection.execute(device_tests.delete().where(device_tests.c.device == device))


def _record(connection: Connection, action: str, device: Device, actor: str, at_ms: int) -> None:
    detail = {"nurse": device.nurse}
    record_change(connection, action, device.id, org=device.org, actor=actor, at_ms=at_ms, detail=detail)
