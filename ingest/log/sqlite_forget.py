"""Forgetting: deletes the old entries of a topic's file, a little at a time."""

import sqlite3

from ingest.log.sqlite_file import OFFSET_MASK, end_in, entry_id

ROWS_PER_STEP = 2000


def forget_some(connection: sqlite3.Connection, partitions: int, before_ms: int) -> tuple[int, bool]:
    """Delete up to `ROWS_PER_STEP` entries appended before `before_ms`.

    Returns how many they were, and whether to come again. The newest entry of a
    partition stays, so that its offsets go on from there.
    """
    for partition in range(partitions):
        first = _first(connection, partition)
        if first is None or (keep := _first_to_keep(connection, partition, first, before_ms)) == first:
            continue
        until = min(keep, first + ROWS_PER_STEP)
        deleted = connection.execute("DELETE FROM entries WHERE id >= ? AND id < ?", (first, until)).rowcount
        return deleted, True
    return 0, False


def _first(connection: sqlite3.Connection, partition: int) -> int | None:
    row = connection.execute(
        "SELECT id FROM entries WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1",
        (entry_id(partition, 0), entry_id(partition, OFFSET_MASK)),
    ).fetchone()
    return None if row is None else int(row[0])


def _first_to_keep(connection: sqlite3.Connection, partition: int, first: int, before_ms: int) -> int:
    """Return the id of the oldest entry that is young enough, at most that of the newest."""
    high = entry_id(partition, end_in(connection, partition))
    low = first
    # `appended_ms` never falls within a topic and offsets have no gaps: halve instead of scanning.
    while low < high:
        middle = (low + high) // 2
        young = "SELECT appended_ms FROM entries WHERE id >= ? ORDER BY id LIMIT 1"
        if connection.execute(young, (middle,)).fetchone()[0] < before_ms:
            low = middle + 1
        else:
            high = middle
    return low
