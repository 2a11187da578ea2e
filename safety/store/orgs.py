"""Organisations: who belongs together, and who stands above whom."""

import msgspec
from sqlalchemy import Connection, bindparam, select

from devices.identity import new_id
from safety.domain import checks
from safety.errors import NotFound
from safety.store.changes import record_change
from safety.store.tables import orgs

_BY_ID = select(orgs.c.id, orgs.c.name, orgs.c.parent).where(orgs.c.id == bindparam("org"))


class Org(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation; `parent` is the one above it."""

    id: str
    name: str
    parent: str | None


def add_org(connection: Connection, *, name: str, parent: str | None = None, actor: str, at_ms: int) -> str:
    """Add an organisation and return its id.

    Raises:
        InvalidInput: the name cannot be taken.
        NotFound: there is no organisation `parent`.
    """
    values = {"name": checks.text(name, "name"), "parent": parent}
    if parent is not None:
        find_org(connection, parent)
    org = new_id("org")
    connection.execute(orgs.insert().values(id=org, created_ms=at_ms, **values))
    detail = {"parent": parent} if parent else None
    record_change(connection, "org_added", org, org=org, actor=actor, at_ms=at_ms, detail=detail)
    return org


def find_org(connection: Connection, org: str) -> Org:
    """Return the organisation.

    Raises:
        NotFound: there is none with that id.
    """
    row = connection.execute(_BY_ID, {"org": org}).first()
    if row is None:
        raise NotFound(f"no organisation {org}: see `vigil org list`")
    return Org(**row._mapping)


def list_orgs(connection: Connection) -> list[Org]:
    """Return every organisation, oldest first."""
    statement = select(orgs.c.id, orgs.c.name, orgs.c.parent).order_by(orgs.c.created_ms, orgs.c.id)
    return [Org(**row._mapping) for row in connection.execute(statement)]


def lineage(connection: Connection, org: str) -> list[str]:
    """Return the ids of `org` and of those above it, nearest first.

    Raises:
        NotFound: there is no such organisation.
    """
    line: list[str] = []
    above: str | None = org
    while above is not None and above not in line:
        line.append(above)
        above = find_org(connection, above).parent
    return line
