"""SqliteReader: reads topics' files in a few threads, each with connections of its own."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from ingest.errors import LogUnavailable
from ingest.log.port import Entry
from ingest.log.sqlite_file import OFFSET_MASK, connect, end_in, entry_id, partitions_in, topic_path

THREADS = 2
READ_BYTES = 8 << 20
# One row for all entries, hence one step: at every step SQLite gives up the interpreter lock and must win
# it back, and 256 rows took 300 ms beside a busy event loop where this takes 0.4. As fast on a quiet one.
_READ = """
SELECT json_array(json_group_array(id), json_group_array(key), json_group_array(appended_ms),
                  json_group_array(length(value))),
       CAST(group_concat(value, '') AS BLOB)
FROM (SELECT id, key, appended_ms, value, sum(length(value)) OVER (ORDER BY id) AS bytes_so_far
      FROM entries WHERE id > ? AND id <= ? ORDER BY id LIMIT ?)
WHERE bytes_so_far - length(value) <= ?
"""
_decode_columns = msgspec.json.Decoder(tuple[list[int], list[str], list[int], list[int]]).decode
T = TypeVar("T")


class SqliteReader:
    """Reads while another thread or process writes: in WAL mode neither waits for the other."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="log-read")
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def read(self, topic: str, partition: int, after: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries above `after`, oldest first.

        Raises:
            LogUnavailable: the file cannot be read.
        """
        return await self._run(topic, lambda connection: read_in(connection, partition, after, limit))

    async def end(self, topic: str, partition: int) -> int:
        """Return the newest offset in the file.

        Raises:
            LogUnavailable: the file cannot be read.
        """
        return await self._run(topic, lambda connection: end_in(connection, partition))

    def partitions(self, topic: str) -> int:
        """Return how many partitions the file has.

        Raises:
            LogUnavailable: the file cannot be read.
        """
        return self._read(topic, partitions_in)

    async def close(self) -> None:
        """End the threads, then close their connections."""
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._opened:
            connection.close()

    async def _run(self, topic: str, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, topic, query)

    def _read(self, topic: str, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return query(self._connection(topic))
        except sqlite3.Error as error:
            raise LogUnavailable(f"topic {topic} of log {self._directory} cannot be read: {error}") from error

    def _connection(self, topic: str) -> sqlite3.Connection:
        connections: dict[str, sqlite3.Connection] = self._own.__dict__.setdefault("connections", {})
        if topic not in connections:
            connections[topic] = connect(topic_path(self._directory, topic), read_only=True)
            self._opened.append(connections[topic])
        return connections[topic]


def read_in(connection: sqlite3.Connection, partition: int, after: int, limit: int) -> list[Entry]:
    """Return up to `limit` entries of `partition` above offset `after`, oldest first.

    Fewer, but never none, where their values come to more than `READ_BYTES`.
    """
    # After `BEGINNING` the first bound is the id just below the partition's first.
    bounds = (entry_id(partition, 0) + after, entry_id(partition, OFFSET_MASK), limit, READ_BYTES)
    columns, values = connection.execute(_READ, bounds).fetchone()
    entries: list[Entry] = []
    start = 0
    for row_id, key, appended_ms, size in zip(*_decode_columns(columns), strict=True):
        entries.append(Entry(row_id & OFFSET_MASK, key, values[start : start + size], appended_ms))
        start += size
    return entries
