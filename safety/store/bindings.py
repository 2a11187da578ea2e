"""Bindings: who had a device from when to when, and how it ended."""

from collections.abc import Iterable

from sqlalchemy import Connection, exists, select

from devices.registry.port import Device
from safety.store.queries import Rows, Scope
from safety.store.tables import device_bindings as bindings
from safety.store.tables import devices, nurses


def open_bindings(connection: Connection, added: Iterable[Device], actor: str, at_ms: int) -> None:
    """Note that whose each device is has it from now on."""
    rows = [
        {"device": one.id, "nurse": one.nurse, "org": one.org, "from_ms": at_ms, "given_by": actor}
        for one in added
    ]
    connection.execute(bindings.insert(), rows)


def close_binding(connection: Connection, device: str, how: str, actor: str, at_ms: int) -> None:
    """Note that whoever has the device, if anybody, has it no longer; `how`: handed_over or revoked."""
    still_open = bindings.update().where(bindings.c.device == device, bindings.c.to_ms.is_(None))
    connection.execute(still_open.values(to_ms=at_ms, ended_by=actor, ended_how=how))


def taken_over_ms(connection: Connection, nurse: str) -> dict[str, int]:
    """Return, of the devices that `nurse` has from another one, since when (epoch ms) each is hers."""
    before = bindings.alias()
    others = exists().where(
        before.c.device == bindings.c.device, before.c.seq < bindings.c.seq, before.c.nurse != nurse
    )
    hers = select(bindings.c.device, bindings.c.from_ms).join(devices, devices.c.id == bindings.c.device)
    statement = hers.where(devices.c.nurse == nurse, bindings.c.to_ms.is_(None), others)
    return {row.device: row.from_ms for row in connection.execute(statement)}


def read_bindings(connection: Connection, device: str, scope: Scope | None = None) -> Rows:
    """Return who had the device, newest first; None as `scope` is for the command line, which sees all."""
    named = bindings.outerjoin(nurses, nurses.c.id == bindings.c.nurse)
    statement = select(bindings, nurses.c.name.label("nurse_name")).select_from(named)
    statement = statement.where(bindings.c.device == device).order_by(bindings.c.seq.desc())
    if scope is not None:
        statement = statement.where(scope.covers(bindings.c.org))
    return connection.execute(statement).all()
