"""Migrations: the store's tables brought to what this version of Vigil expects."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from safety.errors import SafetyError
from safety.store.postgres import MIGRATIONS_LOCK, lock, settle_revisions
from safety.store.tables import device_states, positions

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0017"
"""The newest revision in `migrations/versions`."""

_SCRIPTS = Path(__file__).parent / "migrations"


class StoreTooNew(SafetyError):
    """The store was made by a newer version of Vigil than this one."""


class StoreTooOld(SafetyError):
    """The store must be upgraded before this version of Vigil can use it."""


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables of the store; does nothing where they are as expected.

    One transaction under the database's own write lock: of two processes that start at once, the second
    waits and finds the work done; killed in the middle, nothing has happened.

    Raises:
        StoreTooNew: the store is ahead of this version.
    """
    with engine.connect() as connection, connection.begin():
        if _revision(connection) == HEAD:
            settle_revisions(connection, positions.c.revision, device_states.c.revision)
            return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        lock(connection, MIGRATIONS_LOCK)
        if _revision(connection) != HEAD:
            upgrade(connection)


def migrate_new(engine: Engine) -> None:
    """Create the tables where there are none; where there are, they must be as expected.

    Several versions may run while one replaces the other: only `vigil init` and `vigil up` upgrade.

    Raises:
        StoreTooNew: the store is ahead of this version.
        StoreTooOld: it is behind.
    """
    with engine.connect() as connection, connection.begin():
        revision = _revision(connection)
    if revision is not None and revision < HEAD:
        raise StoreTooOld(f"the store is of revision {revision}, not {HEAD}: run `vigil init`")
    migrate(engine)


def upgrade(connection: Connection) -> None:
    """Run the missing migrations in the transaction of `connection`.

    Raises:
        StoreTooNew: the store is ahead of this version.
    """
    # Imported here: half a second that a store which is as expected need not wait for.
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = _revision(connection)
    if revision is not None and revision not in known:
        raise StoreTooNew(
            f"the store is of revision {revision}, this vigil knows none after {HEAD}: upgrade vigil"
        )
    command.upgrade(config, "head")


def alembic_config(connection: Connection) -> "Config":
    """Return the configuration with which Alembic's commands work on `connection`."""
    from alembic.config import Config

    config = Config()
    # A `%` in the path would be read as interpolation.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)
