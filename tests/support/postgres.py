"""A real PostgreSQL for tests: one server of the machine's own packages, and a database for each who asks."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

import psycopg

from safety.store.database import open_engine
from safety.store.migrate import migrate
from safety.store.tables import metadata
from tests.support.brokers import free_port
from tests.support.faults_processes import children
from tests.support.place import HERE, Place
from tests.support.requires import require
from tests.support.waiting import PATIENCE_S, wait_until

_OWNER: Final = "vigil"
# More than it keeps for later use: of 16 MB each, `max_wal_size` in all.
_WRITE_AHEAD_FILES: Final = 20
_START_TIMEOUT_S: Final = 60.0
# Commits are synced as in earnest; only what a test machine lacks is made small.
_SETTINGS: Final = (
    *("-c", "fsync=on", "-c", "shared_buffers=32MB", "-c", "max_connections=200"),
    *("-c", "autovacuum=off", "-c", "max_wal_size=256MB", "-c", "timezone=UTC"),
)


class Postgres:
    """A server on a free port of its own, whose files go when it stops.

    It never runs as root, who may not: then as `postgres`, or else as `nobody`.
    """

    def __init__(self, place: Place = HERE) -> None:
        self._bin = require("postgres").resolve().parent
        self._place = place
        self.home = Path(tempfile.mkdtemp(prefix="vigil-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _plain_user()
        self._numbers = count(1)
        self._store: str | None = None
        self.port = free_port()

    def start(self) -> None:
        """Make the files if there are none, and start; returns when it takes connections."""
        if not (self.home / "data").exists():
            if self._user is not None:
                shutil.chown(self.home, self._user)
            self._run("initdb", "-D", "data", "-U", _OWNER, "--auth=trust", "--encoding=UTF8", "--no-sync")
            with (self.home / "data" / "pg_hba.conf").open("a") as access:
                access.write("host all all samenet trust\n")
        with self.output.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(*self._place.through, *_as(self._user)),
                    *(self._bin / "postgres", "-D", "data", "-p", str(self.port)),
                    *("-c", f"listen_addresses={self._place.host}", "-k", str(self.home), *_SETTINGS),
                ],
                cwd=self.home,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, timeout_s=_START_TIMEOUT_S, what="PostgreSQL answers")

    def stop(self) -> None:
        """End it in order, at once."""
        if self._process is not None:
            self._process.send_signal(2)  # fast shutdown: whoever is connected is cut off
            self._process.wait(timeout=PATIENCE_S)

    def kill(self) -> None:
        """End it as a crash does: the next `start` recovers what was committed."""
        if self._process is not None:
            self._process.send_signal(3)  # immediate shutdown: nothing is written, all its children go
            self._process.wait(timeout=PATIENCE_S)

    def crash(self) -> None:
        """Kill -9 all of its processes."""
        if self._process is not None and self._process.poll() is None:
            # It must not have children any more when it ends: they would be nobody's.
            self._process.send_signal(signal.SIGSTOP)
            self._send(signal.SIGKILL, children(self._process.pid))
            self._process.kill()
            self._process.wait(timeout=PATIENCE_S)

    def pause(self) -> None:
        """Let all of its processes stand still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        self._send(signal.SIGSTOP, children(self._process.pid))

    def go_on(self) -> None:
        """Let them run again after `pause`."""
        assert self._process is not None
        self._send(signal.SIGCONT, [*children(self._process.pid), self._process.pid])

    @property
    def runs(self) -> bool:
        """Whether its first process is there, standing still or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> Path:
        """What it said; beside its folder, which may be a disk that is full."""
        return self.home.with_suffix(".log")

    def need_room(self) -> None:
        """Have it begin new files of its write-ahead log, until it says that it cannot."""
        with suppress(psycopg.Error):
            for _ in range(_WRITE_AHEAD_FILES):
                self.execute("SELECT pg_switch_wal()")

    def remove(self) -> None:
        """End it and delete its files."""
        self.kill()
        shutil.rmtree(self.home)
        self.output.unlink(missing_ok=True)

    def url(self, database: str) -> str:
        """What the setting `database_url` takes."""
        return f"postgresql://{_OWNER}@{self._place.host}:{self.port}/{database}"

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

    def _send(self, number: signal.Signals, processes: Iterable[int]) -> None:
        for each in processes:
            with suppress(ProcessLookupError):
                os.kill(each, number)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        done = subprocess.run(command, cwd=self.home, user=self._user, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")


def _as(user: str | None) -> tuple[str, ...]:
    """Return what a command is started through so that `user` runs it (None: whoever we are)."""
    if user is None:
        return ()
    return ("setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", "--")


def _plain_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


_DAYS = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'tracks_2%'"


def _empty(url: str) -> None:
    """Delete all rows and days of a store, begin its numbers anew: ten times as fast as another database."""
    statements = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]  # noqa: S608  # our names
    statements.append(
        "SELECT setval(pg_get_serial_sequence(table_name, column_name), 1, false) FROM "
        "information_schema.columns WHERE table_schema = 'public' AND column_default LIKE 'nextval%'"
    )
    with psycopg.connect(url) as connection:
        # Whatever a test left open must not hold up all that follow it.
        connection.execute("SET lock_timeout = '30s'")
        for (day,) in connection.execute(_DAYS).fetchall():
            statements.append(f"DROP TABLE {day}")
        connection.execute("; ".join(statements))
