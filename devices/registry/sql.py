"""SqlDeviceRegistry: the registry in the store's database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, column, func, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from devices.errors import RegistryUnavailable, UnknownDevice
from devices.identity import hash_for_mosquitto, hash_secret, new_secret, secret_matches
from devices.registry.port import Device, still_holds
from devices.registry.tables import devices

# The store's table of organisations; here only who stands above whom is asked.
_orgs = table("orgs", column("id"), column("parent"))

# The store's lock on all master data (safety.store.postgres): one lock, so nobody can wait crosswise.
_CHANGES_LOCK = 0x56494749


class SqlDeviceRegistry:
    """Reads devices from `engine`, remembering each until `refresh` sees a newer revision.

    What is not remembered is looked up, so a device added a moment ago is known at once; a secret is
    always checked against the database, so a rotated or revoked one fails at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Device] = {}
        self._called: dict[str, str] = {}
        self._parents: dict[str, str | None] = {}
        self._revision = 0

    def find(self, device_id: str) -> Device | None:
        device = self._known.get(device_id)
        if device is None:
            row = self._row(select(devices).where(devices.c.id == device_id))
            if row is None:
                return None
            device = self._remember(row)
        return device

    def find_external(self, external_id: str, codec: str | None = None) -> Device | None:
        called = external_id.lower()
        known = self._known.get(self._called.get(called, ""))
        if known is None or known.external_id is None or known.external_id.lower() != called:
            row = self._row(_called(external_id))
            if row is None:
                return None
            known = self._remember(row)
        return known if codec in (None, known.codec) else None

    def is_within(self, org: str, above: str) -> bool:
        line: list[str] = []
        at: str | None = org
        while at is not None and at not in line:
            if at == above:
                return True
            line.append(at)
            at = self._parent(at)
        return False

    def authenticate(self, device_id: str, secret: str) -> Device | None:
        row = self._row(select(devices).where(devices.c.id == device_id))
        if row is None or row.revoked_ms is not None or not secret_matches(secret, row.secret_hash):
            return None
        return _device(row)

    def authenticate_certificate(self, device_id: str, issued_ms: int) -> Device | None:
        row = self._row(select(devices).where(devices.c.id == device_id))
        if row is None or row.revoked_ms is not None or not still_holds(issued_ms, row.certified_from_ms):
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
            self._remember(row)
            self._revision = max(self._revision, row.revision)
        return bool(rows)

    def _remember(self, row: Row[tuple[object, ...]]) -> Device:
        device = self._known[row.id] = _device(row)
        if device.external_id is not None:
            self._called[device.external_id.lower()] = device.id
        return device

    def _parent(self, org: str) -> str | None:
        if org not in self._parents:  # an organisation never moves, so what was read once holds
            row = self._row(select(_orgs.c.parent).where(_orgs.c.id == org))
            if row is None:
                return None
            self._parents[org] = row.parent
        return self._parents[org]

    def _row(self, statement: Select[tuple[Any, ...]]) -> Row[tuple[Any, ...]] | None:
        try:
            with self._engine.connect() as connection:
                return connection.execute(statement).first()
        except SQLAlchemyError as error:
            raise RegistryUnavailable(f"devices cannot be read: {error}") from error


def add_device(connection: Connection, device: Device, created_ms: int) -> str:
    """Register `device` and return its secret, which is stored only as a hash."""
    return add_devices(connection, [device], created_ms)[0]


def add_devices(connection: Connection, added: Sequence[Device], created_ms: int) -> list[str]:
    """Register all of `added` at once and return their secrets, which are stored only as hashes."""
    secrets = [new_secret() for _ in added]
    revision = _next_revision(connection)
    rows = [
        {
            "id": device.id,
            "kind": device.kind,
            "org": device.org,
            "nurse": device.nurse,
            "codec": device.codec,
            "external_id": device.external_id,
            "secret_hash": hash_secret(secret),
            "mosquitto_hash": hash_for_mosquitto(secret),
            "created_ms": created_ms,
            "revision": revision,
        }
        for device, secret in zip(added, secrets, strict=True)
    ]
    connection.execute(devices.insert(), rows)
    return secrets


def holder_of(connection: Connection, external_id: str) -> str | None:
    """Return the id of the device that is called `external_id` by others, if there is one."""
    row = connection.execute(_called(external_id)).first()
    return None if row is None else str(row.id)


def rotate_secret(connection: Connection, device_id: str, at_ms: int) -> str:
    """Give the device a new secret and return it; certificates issued before hold no more either.

    Raises:
        UnknownDevice: there is no such device.
    """
    secret = new_secret()
    _change(
        connection,
        device_id,
        secret_hash=hash_secret(secret),
        mosquitto_hash=hash_for_mosquitto(secret),
        certified_from_ms=at_ms,
    )
    return secret


def revoke_device(connection: Connection, device_id: str, at_ms: int) -> None:
    """Refuse the device from now on.

    Raises:
        UnknownDevice: there is no such device.
    """
    _change(connection, device_id, revoked_ms=at_ms)


def touch_device(connection: Connection, device_id: str) -> None:
    """Have those who follow the registry look at the device again.

    Raises:
        UnknownDevice: there is no such device.
    """
    _change(connection, device_id)


def bind_device(connection: Connection, device_id: str, nurse: str, org: str) -> None:
    """Hand the device to `nurse` of `org`.

    Raises:
        UnknownDevice: there is no such device.
    """
    _change(connection, device_id, nurse=nurse, org=org)


def _called(external_id: str) -> Select[tuple[Any, ...]]:
    return select(devices).where(func.lower(devices.c.external_id) == external_id.lower())


def _change(connection: Connection, device_id: str, **values: object) -> None:
    statement = devices.update().where(devices.c.id == device_id)
    changed = connection.execute(statement.values(**values, revision=_next_revision(connection)))
    if changed.rowcount == 0:
        raise UnknownDevice(f"no device {device_id}: see `vigil device list`")


def _next_revision(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        # Revisions must be committed in their order, or a reader that knows a later one misses this change.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CHANGES_LOCK})
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
