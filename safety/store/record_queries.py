"""Dead letters and the audit trail as people read them."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, func, select

from safety.errors import NotFound
from safety.store.audit import read_detail, spoilt_text, stored_detail
from safety.store.queries import Listed, Page, Scope, in_order, owned_by_nobody, read_page, sees_nobodys
from safety.store.tables import audit, dead_letters

# How much of a payload a list shows.
EXCERPT_BYTES = 4096


class AuditFilter(NamedTuple):
    """Which records: None means any."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since_ms: int | None = None


def list_dead_letters(
    connection: Connection, scope: Scope, page: Page, *, reason: str | None = None, device: str | None = None
) -> Listed:
    """Return dead letters with the start of their payload, newest first; the key is (seq)."""
    columns = [column for column in dead_letters.c if column.name != "payload"]
    statement = select(
        *columns,
        func.substr(dead_letters.c.payload, 1, EXCERPT_BYTES).label("excerpt"),
        func.length(dead_letters.c.payload).label("payload_bytes"),
    ).where(owned_by_nobody(connection, scope, dead_letters.c.org))
    if reason is not None:
        statement = statement.where(dead_letters.c.reason == reason)
    if device is not None:
        statement = statement.where(dead_letters.c.device == device)
    return read_page(connection, statement, (dead_letters.c.seq,), page, newest_first=True)


def read_dead_letter(connection: Connection, scope: Scope, letter: str) -> Row[Any]:
    """Return one dead letter with its whole payload.

    Raises:
        NotFound: there is none, or it is another organisation's.
    """
    seen = owned_by_nobody(connection, scope, dead_letters.c.org)
    row = connection.execute(select(dead_letters).where(dead_letters.c.id == letter, seen)).first()
    if row is None:
        raise NotFound(f"no dead letter {letter}")
    return row


def list_audit(connection: Connection, scope: Scope, wanted: AuditFilter, page: Page) -> Listed:
    """Return records of the audit trail, newest first; the key is (seq)."""
    columns = [column for column in audit.c if column.name != "detail"]
    statement = select(*columns, stored_detail(connection)).where(_whose_deeds(connection, scope, wanted))
    for column, value in (
        (audit.c.actor, wanted.actor),
        (audit.c.action, wanted.action),
        (audit.c.subject, wanted.subject),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.since_ms is not None:
        statement = statement.where(audit.c.at_ms >= wanted.since_ms)
    with spoilt_text(connection, "replace"):
        listed = read_page(connection, statement, (audit.c.seq,), page, newest_first=True)
    # A record that somebody was at must not keep the others from being read.
    return listed._replace(rows=[row._replace(detail=read_detail(row.detail)) for row in listed.rows])


def _whose_deeds(connection: Connection, scope: Scope, wanted: AuditFilter) -> ColumnElement[bool]:
    """Return whose records are wanted: those of one organisation lie in their order in an index."""
    alone = wanted.actor is wanted.action is wanted.subject is None and not sees_nobodys(connection, scope)
    if alone and scope.orgs(connection) == {scope.org}:
        return audit.c.org == scope.org
    return owned_by_nobody(connection, scope, in_order(audit.c.org))
