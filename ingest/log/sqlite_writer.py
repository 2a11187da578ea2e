"""TopicWriter: the one thread that writes a topic's file, committing what has queued up as one group."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple, TypeVar

import structlog

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.log.partitioning import place
from ingest.log.port import Entry, NewEntry
from ingest.log.sqlite_file import connect, end_in, insert_in, newest_in, prepare
from ingest.log.sqlite_forget import forget_some

MAX_GROUP = 256
MAX_QUEUED = 1024
_CHECKPOINT_BYTES = 1 << 20
_CHECKPOINT_PAGES = 4096
_ROW_BYTES = 64

Committed = dict[int, list[Entry]]
T = TypeVar("T")
_log = structlog.get_logger()


class _Append(NamedTuple):
    entries: list[tuple[int, NewEntry]]
    durable: asyncio.Future[None]


class _Forget(NamedTuple):
    before_ms: int
    forgotten: int
    done: asyncio.Future[int]


_Request = _Append | _Forget | None


class TopicWriter:
    """Appends to one topic from any number of tasks of one event loop.

    `on_commit` is called in the loop with the new entries by partition, before their appends return.
    `max_bytes` bounds the file: beyond it appends fail until something is forgotten.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        partitions: int,
        on_commit: Callable[[Committed], None],
        max_bytes: int | None = None,
    ) -> None:
        self._clock = clock
        self._on_commit = on_commit
        self._partitions = partitions
        self._connection = connect(path)
        prepare(self._connection, path.stem, partitions)
        self._bound(max_bytes)
        self._ends = self._stored_ends()
        newest = [newest_in(self._connection, partition) for partition in range(partitions)]
        self._newest_ms = max((entry.appended_ms for entry in newest if entry), default=0)
        self._requests: SimpleQueue[_Request] = SimpleQueue()
        self._held: _Request = None
        self._room = asyncio.Semaphore(MAX_QUEUED)
        self._closing = False
        self._uncheckpointed_bytes = 0
        self._thread = Thread(target=self._run, name=f"log-{path.stem}", daemon=True)
        self._thread.start()

    @property
    def ends(self) -> list[int]:
        """The newest offset of each partition, as the file has them."""
        return list(self._ends)

    @property
    def queued(self) -> int:
        """How many appends wait for the thread."""
        return self._requests.qsize()

    async def append(self, entries: Sequence[NewEntry]) -> None:
        """Append all of `entries` or none; wait first while too many appends are queued already.

        Raises:
            LogUnavailable: the commit failed, or the log is closed.
        """
        if not entries:
            return
        placed = [(place(entry, self._partitions), entry) for entry in entries]
        async with self._room:
            self._check_open()
            durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._requests.put(_Append(placed, durable))
            await durable

    async def forget(self, before_ms: int) -> int:
        """Delete what was appended before `before_ms`, in small steps between the groups."""
        self._check_open()
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._requests.put(_Forget(before_ms, 0, done))
        return await done

    async def close(self) -> None:
        """Write what is queued, then end the thread."""
        if not self._closing:
            self._closing = True
            self._requests.put(None)
        await asyncio.to_thread(self._thread.join)

    def _check_open(self) -> None:
        if self._closing or not self._thread.is_alive():
            raise LogUnavailable("the log is closed")

    # ------------------------------------------------------------------ below: the writer's own thread

    def _run(self) -> None:
        try:
            while (request := self._next()) is not None:
                if isinstance(request, _Forget):
                    self._forget(request)
                else:
                    self._commit(self._group(request))
                if self._requests.empty() and self._uncheckpointed_bytes > _CHECKPOINT_BYTES:
                    self._checkpoint()
        finally:
            self._connection.close()
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        closed = LogUnavailable("the log is closed")
        while not self._requests.empty():
            match self._requests.get():
                case _Append(durable=future) | _Forget(done=future):
                    self._tell(future, partial(_fail, [future], closed))

    def _next(self) -> _Request:
        if self._held is not None:
            request, self._held = self._held, None
            return request
        return self._requests.get()

    def _group(self, first: _Append) -> list[_Append]:
        """Return `first` and what has queued up behind it meanwhile."""
        group, size = [first], len(first.entries)
        while size < MAX_GROUP and not self._requests.empty():
            request = self._requests.get()
            if not isinstance(request, _Append):
                self._hold(request)
                break
            group.append(request)
            size += len(request.entries)
        return group

    def _hold(self, request: _Request) -> None:
        if request is None:
            self._requests.put(None)  # closing: nothing can come behind it
        else:
            self._held = request

    def _commit(self, group: list[_Append]) -> None:
        entries = self._numbered(group)
        futures = [request.durable for request in group]
        try:
            insert_in(self._connection, entries)
        except Exception as error:  # noqa: BLE001 whatever it was, those who wait hear it and the thread lives
            _log.error("commit failed", action="log_commit_failed", error=str(error), appends=len(group))
            self._roll_back()
            failed = LogUnavailable(f"the log cannot be written: {error}")
            self._tell(futures[0], lambda: _fail(futures, failed))
            return
        for partition, added in entries.items():
            self._ends[partition] = added[-1].offset
            self._uncheckpointed_bytes += sum(_ROW_BYTES + len(entry.value) for entry in added)
        self._tell(futures[0], lambda: self._committed(futures, entries))

    def _committed(self, futures: list[asyncio.Future[None]], entries: Committed) -> None:
        self._on_commit(entries)
        _resolve(futures, None)

    def _numbered(self, group: list[_Append]) -> Committed:
        # A clock that was set back must not spoil the order that `forget` searches.
        self._newest_ms = max(self._newest_ms, self._clock.now_ms())
        entries: Committed = {}
        for request in group:
            for partition, new in request.entries:
                added = entries.setdefault(partition, [])
                offset = self._ends[partition] + 1 + len(added)
                added.append(Entry(offset, new.key, new.value, self._newest_ms))
        return entries

    def _roll_back(self) -> None:
        """Make sure that nothing is half written, and continue from what the file has."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._ends = self._stored_ends()
        except sqlite3.Error as error:
            _log.error("rollback failed", action="log_rollback_failed", error=str(error))

    def _forget(self, request: _Forget) -> None:
        try:
            count, more = forget_some(self._connection, self._partitions, request.before_ms)
        except Exception as error:  # noqa: BLE001 whatever it was, those who wait hear it and the thread lives
            self._roll_back()
            failed = LogUnavailable(f"the log cannot be written: {error}")
            self._tell(request.done, lambda: _fail([request.done], failed))
            return
        self._uncheckpointed_bytes += count * _ROW_BYTES
        forgotten = request.forgotten + count
        if more:
            self._requests.put(request._replace(forgotten=forgotten))
        else:
            self._tell(request.done, lambda: _resolve([request.done], forgotten))

    def _checkpoint(self) -> None:
        """Carry the write-ahead log over while nobody waits: inside a commit it would cost an alarm 10 ms."""
        self._uncheckpointed_bytes = 0
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            _log.warning("checkpoint failed", action="log_checkpoint_failed", error=str(error))

    def _stored_ends(self) -> list[int]:
        return [end_in(self._connection, partition) for partition in range(self._partitions)]

    def _bound(self, max_bytes: int | None) -> None:
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        self._connection.execute("PRAGMA secure_delete = ON")  # what retention deletes is gone from the disk
        if max_bytes is not None:
            page_bytes = self._connection.execute("PRAGMA page_size").fetchone()[0]
            self._connection.execute(f"PRAGMA max_page_count = {max(1, max_bytes // page_bytes)}")

    def _tell(self, future: asyncio.Future[None] | asyncio.Future[int], news: Callable[[], object]) -> None:
        try:
            future.get_loop().call_soon_threadsafe(news)
        except RuntimeError:
            # The loop is closed: nobody is left to be told. What was committed stays committed.
            _log.warning("nobody waits for a commit", action="log_loop_closed")


def _resolve(futures: Sequence[asyncio.Future[T]], result: T) -> None:
    for future in futures:
        if not future.done():  # its caller may have been cancelled
            future.set_result(result)


def _fail(futures: Sequence[asyncio.Future[None] | asyncio.Future[int]], error: LogUnavailable) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
