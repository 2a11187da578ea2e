"""A real PostgreSQL for tests: one server of the machine's own packages, and a database for each who asks."""

import os
import pwd
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Final

import psycopg

from safety.store.database import open_engine
from safety.store.migrate import migrate
from safety.store.tables import metadata
from tests.support.brokers import free_port
from tests.support.requires import require
from tests.support.waiting import wait_until

_OWNER: Final = "vigil"
# Commits are synced as in earnest; only what a test machine lacks is made small.
_SETTINGS: Final = (
    *("-c", "fsync=on", "-c", "shared_buffers=32MB", "-c", "max_connections=200"),
    *("-c", "autovacuum=off", "-c", "max_wal_size=256MB", "-c", "timezone=UTC"),
)


class Postgres:
    """A server on a free port of its own, whose files go when it stops.

    It never runs as root, who may not: then as `postgres`, or else as `nobody`.
    """

    def __init__(self) -> None:
        self._bin = require("postgres").resolve().parent
        self._home = Path(tempfile.mkdtemp(prefix="vigil-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _plain_user()
        self._numbers = count(1)
        self._store: str | None = None
        self.port = free_port()

    def start(self) -> None:
        """Make the files if there are none, and start; returns when it takes connections."""
        if not (self._home / "data").exists():
            if self._user is not None:
                shutil.chown(self._home, self._user)
            self._run("initdb", "-D", "data", "-U", _OWNER, "--auth=trust", "--encoding=UTF8", "--no-sync")
        log = (self._home / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(self._bin / "postgres", "-D", "data", "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-k", str(self._home), *_SETTINGS),
                ],
                cwd=self._home,
                user=self._user,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, what="PostgreSQL answers")

    def stop(self) -> None:
        """End it in order, at once."""
        if self._process is not None:
            self._process.send_signal(2)  # fast shutdown: whoever is connected is cut off
            self._process.wait(timeout=20)

    def kill(self) -> None:
        """End it as a crash does: the next `start` recovers what was committed."""
        if self._process is not None:
            self._process.send_signal(3)  # immediate shutdown: nothing is written, all its children go
            self._process.wait(timeout=20)

    def remove(self) -> None:
        """End it and delete its files."""
        self.kill()
        shutil.rmtree(self._home)

    def url(self, database: str) -> str:
        """What the setting `database_url` takes."""
        return f"postgresql://{_OWNER}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template1") -> str:
        """Make a database, empty or as `template` is, and return its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Delete a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run a statement that stands outside transactions."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def store(self) -> str:
        """Return the URL of a migrated store with nothing in it: always the same one, emptied."""
        if self._store is None:
            self._store = self.url(self.create())
            engine = open_engine(self._store)
            migrate(engine)
            engine.dispose()
        else:
            _empty(self._store)
        return self._store

    def tool(self, name: str) -> Path:
        """One of the server's own programs: pg_dump, pg_restore, psql."""
        return self._bin / name

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        done = subprocess.run(command, cwd=self._home, user=self._user, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")


def _plain_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _empty(url: str) -> None:
    """Delete all rows of a store and begin its numbers anew: ten times as fast as another database."""
    statements = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]  # noqa: S608  # our names
    statements.append(
        "SELECT setval(pg_get_serial_sequence(table_name, column_name), 1, false) FROM "
        "information_schema.columns WHERE table_schema = 'public' AND column_default LIKE 'nextval%'"
    )
    with psycopg.connect(url) as connection:
        # Whatever a test left open must not hold up all that follow it.
        connection.execute("SET lock_timeout = '5s'")
        connection.execute("; ".join(statements))
