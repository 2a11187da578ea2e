"""The audit trail: whatever is changed, removed, added or swapped in it afterwards is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, literal_column, select

from safety.store.audit import GENESIS, append_audit, audit_head, verify_audit
from safety.store.database import Database, database_url
from safety.store.orgs import add_org
from safety.store.queries import Page, Scope
from safety.store.record_queries import AuditFilter, list_audit
from safety.store.tables import audit, metadata
from tests.support.changes import BY

RECORDS = 6
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
DETAIL = st.dictionaries(
    TEXT, st.one_of(TEXT, st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.booleans(), st.none())
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url(tmp_path))
    metadata.create_all(database.engine)
    yield database
    database.close()


@contextmanager
def undone(database: Database) -> Iterator[Connection]:
    """A transaction whose changes nobody keeps."""
    with database.engine.connect() as connection:
        yield connection
        connection.rollback()


def fill(connection: Connection, records: int = RECORDS) -> None:
    for number in range(records):
        append_audit(
            connection,
            actor="wang",
            action="track_read",
            at_ms=1000 + number,
            org="org_a",
            subject=f"nur_{number}",
            detail={"number": number, "names": ["王芳"], "ratio": 0.1},
        )


def test_an_empty_trail_holds(database: Database) -> None:
    with database.reading() as connection:
        assert verify_audit(connection) is None
        assert audit_head(connection) == (0, GENESIS)


def test_an_untouched_trail_holds_and_is_numbered_without_gaps(database: Database) -> None:
    with database.writing() as connection:
        fill(connection)
    with database.reading() as connection:
        assert verify_audit(connection) is None
        assert sorted(connection.execute(select(audit.c.seq)).scalars()) == list(range(1, RECORDS + 1))
        assert audit_head(connection)[0] == RECORDS


def test_what_was_rolled_back_was_never_there(database: Database) -> None:
    with database.writing() as connection:
        fill(connection, 2)
    with undone(database) as connection:
        fill(connection, 1)
    with database.writing() as connection:
        fill(connection, 1)
    with database.reading() as connection:
        assert verify_audit(connection) is None
        assert audit_head(connection)[0] == 3


@pytest.mark.parametrize("seq", [1, 3, RECORDS])
@pytest.mark.parametrize(
    "change",
    [
        {"actor": "li"},
        {"at_ms": 999},
        {"action": "login"},
        {"org": None},
        {"subject": "nur_x"},
        {"detail": {"number": 0}},
        {"hash": "0" * 64},
        {"previous_hash": "0" * 64},
    ],
)
def test_a_changed_record_is_named(database: Database, seq: int, change: dict[str, Any]) -> None:
    with database.writing() as connection:
        fill(connection)
        connection.execute(audit.update().where(audit.c.seq == seq).values(change))
        broken = verify_audit(connection)
    # A changed hash breaks its own record; so does everything else.
    assert broken == seq


@pytest.mark.parametrize("seq", [1, 3, RECORDS - 1])
def test_a_removed_record_is_missed(database: Database, seq: int) -> None:
    with database.writing() as connection:
        fill(connection)
        connection.execute(audit.delete().where(audit.c.seq == seq))
        assert verify_audit(connection) == seq


def test_a_record_put_in_between_is_found(database: Database) -> None:
    with database.writing() as connection:
        fill(connection)
        row = connection.execute(select(audit).where(audit.c.seq == 3)).one()._asdict()
        connection.execute(audit.update().where(audit.c.seq >= 4).values(seq=audit.c.seq + 100))
        connection.execute(audit.insert().values({**row, "seq": 4, "previous_hash": "invented"}))
        assert verify_audit(connection) == 4


@pytest.mark.parametrize("first", [1, 4, RECORDS])
def test_a_cut_off_end_is_missed(database: Database, first: int) -> None:
    with database.writing() as connection:
        fill(connection)
        connection.execute(audit.delete().where(audit.c.seq >= first))
        assert verify_audit(connection) == first


def test_a_cut_off_end_stays_missed_whatever_is_written_then(database: Database) -> None:
    with database.writing() as connection:
        fill(connection)
        connection.execute(audit.delete().where(audit.c.seq >= 4))
    with database.writing() as connection:
        fill(connection, 5)
        assert verify_audit(connection) == 4


SPOILT = [
    *(("detail", value) for value in ("'tampered'", "x'ff00'", "5", "'{\"a\": NaN}'", "'\"text\"'", "''")),
    ("detail", "CAST(detail AS BLOB)"),
    ("detail", "CAST(x'ff00' AS TEXT)"),
    *((column, "CAST(x'ff00' AS TEXT)") for column in ("actor", "org", "action", "subject", "at_ms")),
    *((column, "CAST(x'ff00' AS TEXT)") for column in ("hash", "previous_hash")),
    *((column, "x'ff00'") for column in ("actor", "subject", "at_ms", "hash", "previous_hash")),
    ("at_ms", "'yesterday'"),
    ("actor", "CAST(actor AS BLOB)"),
]


def spoil(connection: Connection, seq: int, column: str, value: str) -> None:
    """Put `value`, an expression of SQL, where a record has something else."""
    spoilt = audit.update().where(audit.c.seq == seq)
    connection.execute(spoilt.values({column: literal_column(value)}))


@pytest.mark.parametrize("seq", [1, 3, RECORDS])
@pytest.mark.parametrize(("column", "value"), SPOILT)
def test_a_record_that_cannot_be_read_any_more_is_named(
    database: Database, seq: int, column: str, value: str
) -> None:
    with database.writing() as connection:
        fill(connection)
        spoil(connection, seq, column, value)
        assert verify_audit(connection) == seq


@pytest.mark.parametrize(
    ("value", "shown"),
    [("'tampered'", "tampered"), ("x'ff00'", "\ufffd\0"), ("CAST(x'ff41' AS TEXT)", "\ufffdA"), ("5", "5")],
)
def test_a_spoilt_detail_keeps_nobody_from_reading_the_trail(
    database: Database, value: str, shown: str
) -> None:
    with database.writing() as connection:
        org = add_org(connection, name="Care", **BY)
        fill(connection, 2)
        spoil(connection, 2, "detail", value)
        connection.execute(audit.update().values(org=org))
    with database.reading() as connection:
        rows = list_audit(connection, Scope(org), AuditFilter(), Page()).rows
    assert rows[1].detail == {"unreadable": shown}
    assert rows[0].detail["names"] == ["王芳"]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=50,
)
@given(st.lists(st.tuples(TEXT, TEXT, DETAIL), max_size=5))
def test_whatever_is_written_is_read_back_to_the_same_hash(
    database: Database, records: list[tuple[str, str, dict[str, Any]]]
) -> None:
    with undone(database) as connection:
        for actor, subject, detail in records:
            append_audit(connection, actor=actor, action="x", at_ms=1, subject=subject, detail=detail)
        assert verify_audit(connection) is None
