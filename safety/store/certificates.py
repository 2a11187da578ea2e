"""The certificates issued to devices."""

from sqlalchemy import Connection

from devices.certificates import KeyPair, issue_device, read_certificate
from devices.errors import UnknownDevice
from safety.errors import InvalidInput
from safety.store.changes import record_change
from safety.store.fleet import find_device

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
    detail = {"serial": facts.serial, "days": days}
    record_change(
        connection, "device_certified", device, org=found.org, actor=actor, at_ms=at_ms, detail=detail
    )
    return made
