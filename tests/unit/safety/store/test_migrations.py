"""Migrations: they make what the tables say, once, whoever else tries; and they can be undone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from safety.store.database import database_url, open_engine
from safety.store.migrate import HEAD, StoreTooNew, alembic_config, migrate, upgrade
from safety.store.tables import metadata
from tests.support.postgres import Postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Of a database with nothing in it."""
    if request.param == "sqlite":
        engine = open_engine(database_url(tmp_path))
    else:
        server: Postgres = request.getfixturevalue("postgres")
        engine = open_engine(server.url(server.create()))
    yield engine
    engine.dispose()


def schema(engine: Engine) -> dict[str, str]:
    """What each table, index and function was made as."""
    if engine.dialect.name == "postgresql":
        return schema_of_postgres(engine)
    statement = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    with engine.connect() as connection:
        made = {row.name: " ".join(row.sql.split()) for row in connection.execute(statement)}
    made.pop("alembic_version", None)
    return made


def schema_of_postgres(engine: Engine) -> dict[str, str]:
    columns = text(
        "SELECT table_name || '.' || column_name AS name, "
        "concat_ws(' ', data_type, is_nullable, column_default) AS made "
        "FROM information_schema.columns WHERE table_schema = 'public'"
    )
    indexes = text("SELECT indexname AS name, indexdef AS made FROM pg_indexes WHERE schemaname = 'public'")
    functions = text(
        "SELECT proname AS name, prosrc AS made FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    made: dict[str, str] = {}
    with engine.connect() as connection:
        for statement in (columns, indexes, functions):
            made |= {row.name: row.made for row in connection.execute(statement)}
    made = {name: how for name, how in made.items() if not name.startswith("alembic_version")}
    return made | {name: "" for name in inspect(engine).get_table_names() if name != "alembic_version"}


# An index over an expression cannot be read back: it is compared to the letter only.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_migrations_and_tables_agree(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_ours})
        assert compare_metadata(context, metadata) == []


def is_ours(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or name is None or not name.startswith("tracks_")  # the days of `tracks`


def test_on_sqlite_they_agree_to_the_letter(tmp_path: Path) -> None:
    engine = open_engine(database_url(tmp_path))
    migrate(engine)
    # To the letter: the comparison above does not see keys that must never be used twice.
    other = open_engine(f"sqlite:///{tmp_path / 'other.db'}")
    metadata.create_all(other)
    assert schema(engine) == schema(other)
    other.dispose()
    engine.dispose()


def test_head_is_the_newest_revision(engine: Engine) -> None:
    with engine.connect() as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_heads() == [HEAD]


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    before = schema(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO orgs (id, name, created_ms) VALUES ('org_a', 'A', 1)"))
    migrate(engine)
    assert schema(engine) == before
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM orgs")).scalar() == 1


def test_a_store_left_half_way_is_finished(engine: Engine) -> None:
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.upgrade(alembic_config(connection), "0001")
    assert "alerts" not in schema(engine)
    migrate(engine)
    assert "alerts" in schema(engine)


def test_a_migration_that_is_broken_off_leaves_nothing(engine: Engine) -> None:
    with engine.connect().execution_options(writes=True) as connection:
        transaction = connection.begin()
        upgrade(connection)
        transaction.rollback()
    assert schema(engine) == {}
    migrate(engine)
    assert "alerts" in schema(engine)


def test_migrations_can_be_undone(engine: Engine) -> None:
    migrate(engine)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.downgrade(alembic_config(connection), "base")
    assert schema(engine) == {}
    migrate(engine)
    assert inspect(engine).has_table("alerts")


def test_a_store_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreTooNew, match="revision 9999"):
        migrate(engine)


def test_many_at_once_make_one_store(tmp_path: Path) -> None:
    def start(_: int) -> None:
        engine = open_engine(database_url(tmp_path))
        migrate(engine)
        engine.dispose()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(8)))
    engine = open_engine(database_url(tmp_path))
    assert set(metadata.tables) <= set(schema(engine))
    engine.dispose()
