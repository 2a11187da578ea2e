"""The audit trail: who did and read what, append-only, each record chained to the one before by its hash."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select

from safety.store.postgres import MASTER_DATA_LOCK, lock
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

    Records cut off at the end leave no trace in the chain itself; compare `audit_head` with one noted
    elsewhere.
    """
    previous, expected = GENESIS, 1
    trail = select(audit).order_by(audit.c.seq).execution_options(yield_per=1000)
    with connection.execute(trail) as records:
        for row in records:
            whole = row.hash == _hash(_record(row), previous)
            if row.seq != expected or row.previous_hash != previous or not whole:
                return expected
            previous, expected = row.hash, expected + 1
    return None


def audit_head(connection: Connection) -> tuple[int, str]:
    """Return number and hash of the newest record; (0, the genesis hash) where there is none."""
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, GENESIS)


def _record(row: Row[tuple[object, ...]]) -> dict[str, object]:
    return {
        "seq": row.seq,
        "at_ms": row.at_ms,
        "actor": row.actor,
        "org": row.org,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
    }


def _hash(record: Mapping[str, object], previous: str) -> str:
    return hashlib.sha256(_encode({**record, "previous_hash": previous})).hexdigest()
