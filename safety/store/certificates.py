"""The certificates issued to devices: what was signed, and what holds no more."""

from collections.abc import Collection

from sqlalchemy import Connection, or_, select

from devices.certificates import KeyPair, issue_device, read_certificate
from devices.errors import UnknownDevice
from devices.registry.sql import touch_device
from safety.errors import InvalidInput
from safety.store.changes import record_change
from safety.store.fleet import find_device
from safety.store.tables import certificates, devices

LONGEST_DAYS = 3650


def certify_device(
    connection: Connection, authority: KeyPair, device: str, days: int, *, actor: str, at_ms: int
) -> KeyPair:
    """Issue a certificate to `device` for `days` and return it with its key, which is kept nowhere else.

    Those issued before hold as long as they say, so that a device can change over.

    Raises:
        UnknownDevice: there is no such device, or it was revoked.
        InvalidInput: `days` are none of 1 to 3,650.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"days {days}: expected 1 to {LONGEST_DAYS}", "days")
    found = find_device(connection, device)
    if found.revoked:
        raise UnknownDevice(f"device {device} was revoked: it gets no certificate")
    made = issue_device(authority, device, at_ms, days)
    facts = read_certificate(made.certificate)
    row = {"serial": facts.serial, "device": device, "issued_ms": facts.from_ms, "until_ms": facts.until_ms}
    connection.execute(certificates.insert().values(row))
    # Who keeps an outside broker in step follows the registry only.
    touch_device(connection, device)
    detail = {"serial": facts.serial, "days": days}
    record_change(
        connection, "device_certified", device, org=found.org, actor=actor, at_ms=at_ms, detail=detail
    )
    return made


def revoked_serials(connection: Connection, now_ms: int) -> list[str]:
    """Return the serials of certificates that have not run out and hold no more.

    Those of revoked devices, and those issued before their device was given a new secret.
    """
    joined = certificates.join(devices, devices.c.id == certificates.c.device)
    # Certificates know whole seconds: one issued in the second of the rotation still counts.
    too_old = certificates.c.issued_ms < devices.c.certified_from_ms - 999
    statement = select(certificates.c.serial).select_from(joined)
    statement = statement.where(certificates.c.until_ms > now_ms)
    statement = statement.where(or_(devices.c.revoked_ms.is_not(None), too_old))
    return [row.serial for row in connection.execute(statement.order_by(certificates.c.serial))]


def certified_devices(connection: Connection, now_ms: int) -> set[str]:
    """Return the devices that have a certificate which has not run out; not all of them need hold."""
    statement = select(certificates.c.device).where(certificates.c.until_ms > now_ms).distinct()
    return {row.device for row in connection.execute(statement)}


def owners_of(connection: Connection, serials: Collection[str]) -> list[str]:
    """Return the devices to which the certificates of `serials` were issued."""
    statement = select(certificates.c.device).where(certificates.c.serial.in_(serials)).distinct()
    return [row.device for row in connection.execute(statement.order_by(certificates.c.device))]
