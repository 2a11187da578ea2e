"""Database: opens the store and runs transactions on it, for threads and for asyncio."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError, OperationalError

from devices.registry.database import open_database
from safety.errors import GaveWay, StoreUnusable
from safety.store.postgres import hold_briefly

T = TypeVar("T")
_BUSY_TIMEOUT_MS = 10_000
_WAL_ATTEMPTS = 10
_CARRIED_OVER_PAGES = 100_000
"""A write-ahead log so long (400 MB) is carried over in a commit; `safety.store.carry_over` comes before."""
# Of two writers that wait for each other, PostgreSQL ends one, and also one that stood still with its locks
# for too long (25P03): it is run again.
_LOST_A_RACE = frozenset({"40001", "40P01", "25P03"})
_RACES = 5
_POOL = 8


def database_url(data_dir: Path, configured: str | None = None) -> str:
    """Return the URL of the store: what is `configured`, else the embedded one in `data_dir`."""
    if configured is not None:
        return configured
    return f"sqlite:///{data_dir / 'vigil.db'}"


def open_engine(url: str) -> Engine:
    """Return an engine on `url`; on SQLite with WAL, foreign keys and commits that survive power loss."""
    if url.startswith("sqlite"):
        engine = open_database(url)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "before_cursor_execute", _give_way)
        return engine
    engine = open_database(url, pool_size=_POOL, max_overflow=_POOL)
    event.listen(engine, "connect", _configure_postgres)
    event.listen(engine, "begin", _begin_postgres)
    event.listen(engine, "handle_error", _name_lost_connection)
    return engine


def _configure_postgres(connection: Any, _record: object) -> None:
    from safety.store.postgres_driver import configure

    configure(connection)


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        hold_briefly(connection)


def _name_lost_connection(context: ExceptionContext) -> OperationalError | None:
    """A connection that is lost is OperationalError, whatever the driver calls what the server said last."""
    lost = context.original_exception
    if not context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError):
        return None
    return OperationalError(context.statement, None, lost, connection_invalidated=True)


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: a reader that turns writer late gets BUSY at once.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    _turn_to_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"wal_autocheckpoint={_CARRIED_OVER_PAGES}"):
        connection.execute(f"PRAGMA {pragma}")


def _turn_to_wal(connection: Any) -> None:
    """Turn a new store to WAL, though others may be doing just that: once it is done it stays."""
    for _ in range(_WAL_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            # Where waiting might be a deadlock SQLite does not wait; for the write lock it always does.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _give_way(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
    gives_way = connection.get_execution_options().get("gives_way")
    if gives_way is not None and not statement.startswith("BEGIN") and gives_way():
        raise GaveWay("another writer is more urgent")


class Database:
    """The store's transactions.

    SQLite has one writer at a time; `writing` queues this process's writers on a lock, so that none of
    them polls, and leaves the busy timeout to other processes (the command line). On PostgreSQL they write
    side by side (`one_writer` is False), and `safety.store.postgres` keeps them in order where that matters.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url)
        self.one_writer = self.engine.dialect.name == "sqlite"
        self._write_lock: AbstractContextManager[Any] = threading.Lock() if self.one_writer else nullcontext()
        # All that one transaction reads is of one moment, as it is on SQLite.
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self.engine if self.one_writer else self.engine.execution_options(**snapshot)
        # Two: more of them only take the interpreter from each other, and the alert's frame waited longest.
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="store-read")
        # On SQLite they write one at a time; who is urgent must not stand behind others that wait for that.
        self._writer = ThreadPoolExecutor(4, thread_name_prefix="store-write")

    @contextmanager
    def opening(self) -> Iterator[None]:
        """What is done with the store by who is of no use without it: a command, or a service that begins.

        Raises:
            StoreUnusable: it could not be done.
        """
        try:
            yield
        except DBAPIError as error:
            where = self.engine.url.database if self.one_writer else "on PostgreSQL"
            raise StoreUnusable(f"the store {where} cannot be used: {error.orig}") from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only transaction."""
        with self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, gives_way: Callable[[], bool] | None = None) -> Iterator[Connection]:
        """A read-write transaction, committed at the end, rolled back on an exception."""
        with self._write_lock, self.engine.connect() as connection:
            writer = connection.execution_options(writes=True, gives_way=gives_way)
            with writer.begin():
                yield writer

    @contextmanager
    def nobody_writing(self) -> Iterator[None]:
        """A time in which no writer of this process writes, where there is one at a time."""
        with self._write_lock:
            yield

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a read-only transaction on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(
        self,
        work: Callable[[Connection], T],
        then: Callable[[T], None] | None = None,
        *,
        gives_way: Callable[[], bool] | None = None,
    ) -> T:
        """Run `work` in a read-write transaction on a thread; durable when this returns.

        It may be run again, in a new transaction, where another writer had to be let go first. `then` is
        told what it returned as soon as that is durable, on the same thread: two changes of thread earlier.
        Where there is one writer at a time, `gives_way` is asked before each statement.

        Raises:
            GaveWay: it said yes; nothing was written.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._write, work, then, gives_way)

    def close(self) -> None:
        """Finish what was begun and release the files."""
        self._readers.shutdown()
        self._writer.shutdown()
        self.engine.dispose()

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self.reading() as connection:
            return work(connection)

    def _write(
        self,
        work: Callable[[Connection], T],
        then: Callable[[T], None] | None,
        gives_way: Callable[[], bool] | None,
    ) -> T:
        done = self._committed(work, gives_way)
        if then is not None:
            then(done)
        return done

    def _committed(self, work: Callable[[Connection], T], gives_way: Callable[[], bool] | None) -> T:
        for _ in range(_RACES):
            try:
                with self.writing(gives_way) as connection:
                    return work(connection)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) not in _LOST_A_RACE:
                    raise
        with self.writing() as connection:
            return work(connection)
