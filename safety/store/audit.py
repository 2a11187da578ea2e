"""The audit trail: who did and read what, append-only, each record chained to the one before by its hash."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, String, Text, cast, select, text, type_coerce

from safety.store.postgres import MASTER_DATA_LOCK, is_postgres, lock
from safety.store.tables import audit

# What the first record is chained to.
GENESIS = hashlib.sha256(b"vigil audit trail").hexdigest()

_encode = msgspec.json.Encoder(order="sorted").encode


class Deed(NamedTuple):
    """What `actor` (a login, or `system`) did to `subject` (an id), and when (epoch ms)."""

    actor: str
    action: str
    at_ms: int
    org: str | None
    subject: str | None
    detail: Mapping[str, object]


def append_audit(
    connection: Connection,
    *,
    actor: str,
    action: str,
    at_ms: int,
    org: str | None = None,
    subject: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> int:
    """Append what `actor` (a login, or `system`) did to `subject` (an id) and return its number.

    Must run inside the transaction that does it, so that there is neither a deed without its record
    nor a record without its deed. Writers are serialised: by SQLite itself, on PostgreSQL by a lock
    that ends with the transaction.
    """
    return append_deeds(connection, [Deed(actor, action, at_ms, org, subject, detail or {})])


def append_deeds(connection: Connection, deeds: Sequence[Deed]) -> int:
    """Append `deeds` in their order and in one step, else as `append_audit`; return the last one's number."""
    lock(connection, MASTER_DATA_LOCK)
    seq, previous = audit_head(connection)
    # Numbers of records that were cut off are not given again: they stay missing.
    seq = max(seq, _last_given(connection))
    rows: list[dict[str, object]] = []
    for deed in deeds:
        seq += 1
        record: dict[str, object] = {
            "seq": seq,
            **deed._asdict(),
            # Through JSON and back, so that what is hashed is what will be read.
            "detail": msgspec.json.decode(_encode(deed.detail)),
        }
        digest = _hash(record, previous)
        rows.append({**record, "previous_hash": previous, "hash": digest})
        previous = digest
    connection.execute(audit.insert(), rows)
    return seq


def verify_audit(connection: Connection) -> int | None:
    """Return the number of the first record that was changed, removed or put in between; None: all hold.

    On SQLite that is also the first of those cut off at the end: the database keeps the last number that it
    gave. PostgreSQL does not; compare `audit_head` with one noted elsewhere.
    """
    previous, expected = GENESIS, 1
    columns = [column for column in audit.c if column.name != "detail"]
    trail = select(*columns, stored_detail(connection)).order_by(audit.c.seq)
    with (
        spoilt_text(connection, "surrogateescape"),
        connection.execute(trail.execution_options(yield_per=1000)) as records,
    ):
        for row in records:
            if row.seq != expected or row.previous_hash != previous or not _is_whole(row, previous):
                return expected
            previous, expected = row.hash, expected + 1
    return expected if expected <= _last_given(connection) else None


def audit_head(connection: Connection) -> tuple[int, str]:
    """Return number and hash of the newest record; (0, the genesis hash) where there is none."""
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, GENESIS)


def stored_detail(connection: Connection) -> ColumnElement[Any]:
    """Return the column `detail` as it is stored, which need not be JSON if somebody was at it."""
    if is_postgres(connection):
        return cast(audit.c.detail, Text).label("detail")
    return type_coerce(audit.c.detail, String).label("detail")


def read_detail(stored: Any) -> dict[str, Any]:
    """Return a `stored_detail` as people see it; what is no record's is shown under `unreadable`."""
    try:
        detail: dict[str, Any] = msgspec.json.decode(stored, type=dict[str, Any])
    except (ValueError, TypeError, RecursionError):
        shown = stored.decode(errors="replace") if isinstance(stored, bytes) else str(stored)
        return {"unreadable": shown}
    return detail


@contextmanager
def spoilt_text(connection: Connection, errors: str) -> Iterator[None]:
    """Read text that is no UTF-8 with `errors` (as of `bytes.decode`), which SQLite's driver refuses to.

    PostgreSQL holds no such text.
    """
    if is_postgres(connection):
        yield
        return
    driver: Any = connection.connection.driver_connection
    usual, driver.text_factory = driver.text_factory, lambda raw: raw.decode(errors=errors)
    try:
        yield
    finally:
        driver.text_factory = usual


def _last_given(connection: Connection) -> int:
    """Return the highest number that a record ever had, 0 where the database does not know."""
    if is_postgres(connection):
        return 0
    given = text("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
    last = connection.execute(given).scalar()
    return last if isinstance(last, int) else 0


def _is_whole(row: Any, previous: str) -> bool:
    record = {
        "seq": row.seq,
        "at_ms": row.at_ms,
        "actor": row.actor,
        "org": row.org,
        "action": row.action,
        "subject": row.subject,
    }
    if not isinstance(row.detail, str):
        return False
    try:
        detail = msgspec.json.decode(row.detail)
        return bool(row.hash == _hash({**record, "detail": detail}, previous))
    except (ValueError, OverflowError, RecursionError):
        return False  # whatever was recorded can be read again


def _hash(record: Mapping[str, object], previous: str) -> str:
    return hashlib.sha256(_encode({**record, "previous_hash": previous})).hexdigest()
