"""A fresh store for each test, migrated as a real one is, with an organisation and a nurse where asked."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from safety.store.database import Database
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from tests.support.changes import BY, replanned


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    database = Database(store_url)
    migrate(database.engine)
    yield database
    database.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.writing() as connection:
        yield connection


@pytest.fixture
def org(connection: Connection) -> str:
    return add_org(connection, name="Pudong Care", **BY)


@pytest.fixture
def nurse(connection: Connection, org: str) -> str:
    nurse = add_nurse(connection, org=org, name="Li Na", pin="1234", duress_pin="4321", **BY)
    replanned(connection)
    return nurse
