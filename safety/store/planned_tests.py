"""Planned tests: the next alarm of a device within some minutes is a test, whatever the device says."""

from sqlalchemy import Connection, func, select

from safety.errors import InvalidInput
from safety.store.changes import record_change, replan_nurse
from safety.store.fleet import find_device
from safety.store.tables import device_tests, devices
from safety.store.upsert import replace

WITHIN_S = 600.0
MAX_WITHIN_S = 3600.0
"""Until a real alarm of the device would be mistaken for the test at most."""


def plan_test(connection: Connection, device: str, within_s: float, *, actor: str, at_ms: int) -> int:
    """Have the next alarm of the device be a test if it comes within `within_s`; return until when, epoch ms.

    Raises:
        UnknownDevice: there is no such device.
        InvalidInput: it is revoked, nobody's, or that is too long.
    """
    if not 10 <= within_s <= MAX_WITHIN_S:
        raise InvalidInput(f"a test within {within_s:g} s cannot be planned: expected 10s to 1h")
    known = find_device(connection, device)
    if known.revoked:
        raise InvalidInput(f"device {device} is revoked: nothing it says is heard")
    if known.nurse is None:
        raise InvalidInput(f"device {device} is bound to nobody: bind it to a nurse first")
    until_ms = at_ms + round(within_s * 1000)
    _write(connection, device, at_ms, until_ms, actor)
    replan_nurse(connection, known.nurse)
    record_change(
        connection,
        "device_test_planned",
        device,
        org=known.org,
        actor=actor,
        at_ms=at_ms,
        detail={"until_ms": until_ms},
    )
    return until_ms


def _write(connection: Connection, device: str, from_ms: int, until_ms: int, actor: str) -> None:
    row = {"device": device, "from_ms": from_ms, "until_ms": until_ms, "planned_by": actor}
    replace(connection, device_tests, [row], key=["device"], columns=["from_ms", "until_ms", "planned_by"])
    # Whoever watches the devices is told of it, as of every change of one.
    newest = select(func.coalesce(func.max(devices.c.revision), 0) + 1).scalar_subquery()
    connection.execute(devices.update().where(devices.c.id == device).values(revision=newest))
