"""What the store says when something goes wrong: it is logged, so it names nobody."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from safety.store.database import Database


def test_an_error_tells_the_statement_and_nobody_in_it(database: Database) -> None:
    statement = text("SELECT name FROM no_table WHERE name = :name")
    with pytest.raises(DBAPIError) as raised, database.reading() as connection:
        connection.execute(statement, {"name": "Li Na"})
    assert "no_table" in str(raised.value)
    assert "Li Na" not in str(raised.value)
