"""A topic's SQLite file: its path, schema and connections, and the lock that keeps writers single."""

import fcntl
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ingest.errors import LogError, LogInUse
from ingest.log.port import BEGINNING, Entry

SCHEMA_VERSION = 1
OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1
# One rowid table for all partitions: appends go to the end of a page, and one statement serves a group.
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS topic (partitions INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,  -- partition << {OFFSET_BITS} | offset
    key TEXT NOT NULL,
    appended_ms INTEGER NOT NULL,
    value BLOB NOT NULL
);
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_TOPIC = re.compile(r"[a-z][a-z0-9_]{0,63}")
_BUSY_TIMEOUT_S = 5.0
_ROWS_PER_STATEMENT = 1024
# A statement of many rows is big once compiled, and there is one for each number of rows.
_CACHED_STATEMENTS = 32


def topic_path(directory: Path, topic: str) -> Path:
    """Return the file of `topic`: one each, so that an alarm's commit never queues behind locations."""
    if _TOPIC.fullmatch(topic) is None:
        raise ValueError(f"topic {topic!r} is no name for a file: use lower-case letters, digits and _")
    return directory / f"{topic}.db"


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open `path`; the connection may be handed from thread to thread, one at a time.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    mode = "ro" if read_only else "rwc"
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
    # Per connection, not stored in the file. NORMAL would lose acknowledged entries with the power.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: its fsync alone stops at the drive's cache
    return connection


def prepare(connection: sqlite3.Connection, topic: str, partitions: int) -> None:
    """Create what is missing in the file of `topic`.

    Raises:
        LogError: the file has another number of partitions, or comes from a newer version.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise LogError(f"topic {topic} was written by a newer version (schema {version}): upgrade this one")
    connection.executescript(_SCHEMA)
    row = connection.execute("SELECT partitions FROM topic").fetchone()
    if row is None:
        connection.execute("INSERT INTO topic VALUES (?)", (partitions,))
    elif row[0] != partitions:
        raise LogError(f"topic {topic} has {row[0]} partitions, not {partitions}: the number cannot change")


def partitions_in(connection: sqlite3.Connection) -> int:
    """Return how many partitions the file has."""
    return int(connection.execute("SELECT partitions FROM topic").fetchone()[0])


def newest_in(connection: sqlite3.Connection, partition: int) -> Entry | None:
    """Return the newest entry of `partition`, None if it is empty."""
    newest = (
        "SELECT id, key, value, appended_ms FROM entries WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"
    )
    row = connection.execute(newest, (entry_id(partition, 0), entry_id(partition, OFFSET_MASK))).fetchone()
    return None if row is None else Entry(row[0] & OFFSET_MASK, row[1], row[2], row[3])


def end_in(connection: sqlite3.Connection, partition: int) -> int:
    """Return the newest offset of `partition`, `BEGINNING` if it is empty."""
    newest = newest_in(connection, partition)
    return BEGINNING if newest is None else newest.offset


def insert_in(connection: sqlite3.Connection, entries: Mapping[int, Sequence[Entry]]) -> None:
    """Insert `entries`, by partition, and commit; durable when this returns.

    Raises:
        sqlite3.Error: nothing was inserted, once the transaction that may be open is rolled back.
    """
    rows = [
        (entry_id(partition, entry.offset), entry.key, entry.appended_ms, entry.value)
        for partition, added in entries.items()
        for entry in added
    ]
    # Every step of SQLite gives up the interpreter lock and must win it back from a busy event loop:
    # one statement for all rows commits in 6 ms where `executemany` took 900.
    if len(rows) <= _ROWS_PER_STATEMENT:
        connection.execute(*_insertion(rows))
        return
    connection.execute("BEGIN IMMEDIATE")
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        connection.execute(*_insertion(rows[start : start + _ROWS_PER_STATEMENT]))
    connection.execute("COMMIT")


def _insertion(rows: Sequence[tuple[int, str, int, bytes]]) -> tuple[str, list[object]]:
    values = ",".join(("(?,?,?,?)",) * len(rows))
    return f"INSERT INTO entries VALUES {values}", [field for row in rows for field in row]  # noqa: S608 only placeholders


def entry_id(partition: int, offset: int) -> int:
    """Return the row id of an entry."""
    return partition << OFFSET_BITS | offset


def lock_for_writing(directory: Path) -> IO[str]:
    """Take the directory's lock until the returned file is closed; it dies with the process.

    Raises:
        LogInUse: another process has it.
    """
    return lock_file(directory / "writer.lock", f"log {directory} is written")


def lock_file(path: Path, doing: str, *, shared: bool = False) -> IO[str]:
    """Take the lock of `path` until the returned file is closed; it dies with the process.

    Any number may have it `shared`, as long as nobody has it alone.

    Raises:
        LogInUse: another process has it; says that `doing` (what the lock is for) is done by that one.
    """
    file = path.open("a+", encoding="ascii")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise LogInUse(f"{doing} by process {holder}: stop it first") from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
