"""Devices by the table: checked against the store, then all of them added or none."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, cast

from sqlalchemy import Connection, func, select

from devices.identity import new_id
from devices.registry.port import Device, DeviceKind
from safety.domain.device_import import DeviceRow, Fault, read_table
from safety.store.fleet import CODECS, KINDS, register_checked
from safety.store.tables import devices, nurses


class Imported(NamedTuple):
    """A device that was added, and its secret."""

    line: int
    device: Device
    secret: str


class Table(NamedTuple):
    """A table that was read: its devices with their nurses' ids, and every fault that it has."""

    rows: Sequence[DeviceRow]
    faults: Sequence[Fault]


def check_table(connection: Connection, text: str, orgs: Collection[str] | None = None) -> Table:
    """Read a table and hold it against the store; nurses are looked for in `orgs` (None: in all)."""
    rows, faults = read_table(text, KINDS, CODECS)
    known = _nurses(connection, orgs)
    holders = _holders(connection)
    found: list[DeviceRow] = []
    for row in rows:
        ids = known.get(row.nurse, ())
        if row.nurse and len(ids) != 1:
            faults.append(Fault(row.line, "nurse", _unclear(row.nurse, len(ids))))
        holder = holders.get((row.external_id or "").lower())
        if holder is not None:
            faults.append(Fault(row.line, "external_id", f"{row.external_id!r} belongs to {holder}"))
        found.append(row._replace(nurse=ids[0] if ids else row.nurse))
    return Table(found, sorted(faults, key=lambda fault: fault.line))


def import_devices(connection: Connection, table: Table, *, actor: str, at_ms: int) -> list[Imported]:
    """Add every device of a table that has no faults."""
    if table.faults:
        raise ValueError("a table with faults is not imported")
    orgs = {row.id: row.org for row in connection.execute(select(nurses.c.id, nurses.c.org))}
    added = [
        Device(
            id=new_id("dev"),
            kind=cast(DeviceKind, row.kind),
            org=orgs[row.nurse],
            nurse=row.nurse,
            codec=row.codec,
            external_id=row.external_id,
        )
        for row in table.rows
    ]
    secrets = register_checked(connection, added, actor=actor, at_ms=at_ms)
    lines = (row.line for row in table.rows)
    return [Imported(*made) for made in zip(lines, added, secrets, strict=True)]


def _nurses(connection: Connection, orgs: Collection[str] | None) -> Mapping[str, Sequence[str]]:
    """Return the nurses by id and by name; several may have one name."""
    statement = select(nurses.c.id, nurses.c.name).order_by(nurses.c.id)
    if orgs is not None:
        statement = statement.where(nurses.c.org.in_(orgs))
    found: dict[str, list[str]] = {}
    for id, name in connection.execute(statement):
        found.setdefault(name, []).append(id)
        found[id] = [id]
    return found


def _holders(connection: Connection) -> Mapping[str, str]:
    named = select(func.lower(devices.c.external_id), devices.c.id).where(devices.c.external_id.is_not(None))
    return {row[0]: row[1] for row in connection.execute(named)}


def _unclear(nurse: str, count: int) -> str:
    if count:
        return f"{count} nurses are called {nurse[:60]!r}: give the id of one"
    return f"there is no nurse {nurse[:60]!r}: expected an id or a name"
