"""SqlDeviceRegistry: the registry in the store's database."""

from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.exc import SQLAlchemyError

from devices.errors import RegistryUnavailable, UnknownDevice
from devices.identity import hash_secret, new_secret, secret_matches
from devices.registry.port import Device
from devices.registry.tables import devices


class SqlDeviceRegistry:
    """Reads devices from `engine`, remembering each until `refresh` sees a newer revision.

    What is not remembered is looked up, so a device added a moment ago is known at once; a secret is
    always checked against the database, so a rotated or revoked one fails at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Device] = {}
        self._revision = 0

    def find(self, device_id: str) -> Device | None:
        device = self._known.get(device_id)
        if device is None:
            row = self._row(device_id)
            if row is None:
                return None
            device = self._known[device_id] = _device(row)
        return device

    def authenticate(self, device_id: str, secret: str) -> Device | None:
        row = self._row(device_id)
        if row is None or row.revoked_ms is not None or not secret_matches(secret, row.secret_hash):
            return None
        return _device(row)

    def refresh(self) -> bool:
        try:
            with self._engine.connect() as connection:
                changed = select(devices).where(devices.c.revision > self._revision)
                rows = connection.execute(changed).all()
        except SQLAlchemyError as error:
            raise RegistryUnavailable(f"devices cannot be read: {error}") from error
        for row in rows:
            self._known[row.id] = _device(row)
            self._revision = max(self._revision, row.revision)
        return bool(rows)

    def _row(self, device_id: str) -> Row[tuple[object, ...]] | None:
        try:
            with self._engine.connect() as connection:
                return connection.execute(select(devices).where(devices.c.id == device_id)).first()
        except SQLAlchemyError as error:
            raise RegistryUnavailable(f"device {device_id} cannot be read: {error}") from error


def add_device(connection: Connection, device: Device, created_ms: int) -> str:
    """Register `device` and return its secret, which is stored only as a hash."""
    secret = new_secret()
    connection.execute(
        devices.insert().values(
            id=device.id,
            kind=device.kind,
            org=device.org,
            nurse=device.nurse,
            codec=device.codec,
            external_id=device.external_id,
            secret_hash=hash_secret(secret),
            created_ms=created_ms,
            revision=_next_revision(connection),
        )
    )
    return secret


def rotate_secret(connection: Connection, device_id: str) -> str:
    """Give the device a new secret and return it.

    Raises:
        UnknownDevice: there is no such device.
    """
    secret = new_secret()
    _change(connection, device_id, secret_hash=hash_secret(secret))
    return secret


def revoke_device(connection: Connection, device_id: str, at_ms: int) -> None:
    """Refuse the device from now on.

    Raises:
        UnknownDevice: there is no such device.
    """
    _change(connection, device_id, revoked_ms=at_ms)


def bind_device(connection: Connection, device_id: str, nurse: str, org: str) -> None:
    """Hand the device to `nurse` of `org`.

    Raises:
        UnknownDevice: there is no such device.
    """
    _change(connection, device_id, nurse=nurse, org=org)


def _change(connection: Connection, device_id: str, **values: object) -> None:
    statement = devices.update().where(devices.c.id == device_id)
    changed = connection.execute(statement.values(**values, revision=_next_revision(connection)))
    if changed.rowcount == 0:
        raise UnknownDevice(f"no device {device_id}: see `vigil device list`")


def _next_revision(connection: Connection) -> int:
    latest = connection.execute(select(func.max(devices.c.revision))).scalar()
    return (latest or 0) + 1


def _device(row: Row[tuple[object, ...]]) -> Device:
    return Device(
        id=row.id,
        kind=row.kind,
        org=row.org,
        nurse=row.nurse,
        codec=row.codec,
        external_id=row.external_id,
        revoked=row.revoked_ms is not None,
    )
