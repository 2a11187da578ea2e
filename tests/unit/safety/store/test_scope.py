"""Scope: whose organisations one sees, whatever the shape of the tree."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from safety.errors import NotFound
from safety.store.database import Database, database_url
from safety.store.queries import Scope
from safety.store.tables import metadata, orgs

NAMES = [f"org_{letter}" for letter in "abcdefgh"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url(tmp_path))
    metadata.create_all(database.engine)
    yield database
    database.close()


def expected(parents: dict[str, str | None], org: str) -> frozenset[str]:
    seen = {org} & set(parents)
    while more := {child for child, parent in parents.items() if parent in seen} - seen:
        seen |= more
    return frozenset(seen)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=60,
)
@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), st.sampled_from(NAMES))))
def test_one_sees_ones_own_and_all_below_even_in_a_circle(
    database: Database, parents: dict[str, str | None]
) -> None:
    parents = {org: parent if parent in parents else None for org, parent in parents.items()}
    with database.writing() as connection:
        # A circle cannot be made through the front door; a hand in the database can.
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(orgs.delete())
        rows = [{"id": org, "name": org, "parent": up, "created_ms": 1} for org, up in parents.items()]
        if rows:
            connection.execute(orgs.insert(), rows)
    with database.reading() as connection:
        for org in NAMES:
            seen = Scope(org).orgs(connection)
            assert seen == expected(parents, org)
            in_order = select(orgs.c.id).where(Scope(org).covers_in_order(connection, orgs.c.id))
            assert seen == set(connection.execute(in_order).scalars())
            for other in NAMES:
                if other in seen:
                    Scope(org).require(connection, other)
                else:
                    with pytest.raises(NotFound):
                        Scope(org).require(connection, other)
