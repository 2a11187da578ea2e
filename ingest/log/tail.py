"""Tail: the newest entries of one partition, kept in memory for readers that are up to date."""

from collections.abc import Sequence

from ingest.log.port import Entry

MAX_ENTRIES = 4096
MAX_BYTES = 4 << 20


class Tail:
    """An unbroken run of the newest entries, at most `max_entries` of them and `max_bytes` of values.

    A reader that keeps up never touches the disk, so its latency does not depend on it.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: list[Entry] = []
        self._bytes = 0

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add `entries`, which follow on what is here."""
        self._entries.extend(entries)
        self._bytes += sum(len(entry.value) for entry in entries)
        if len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._shrink()

    def read(self, after: int, limit: int) -> list[Entry] | None:
        """Return up to `limit` entries above `after`, or None if older ones than these are asked for."""
        if not self._entries:
            return None
        start = after + 1 - self._entries[0].offset
        return None if start < 0 else self._entries[start : start + limit]

    def forget(self, before_ms: int) -> None:
        """Drop what was appended before `before_ms`."""
        self._drop(sum(1 for entry in self._entries if entry.appended_ms < before_ms))

    def _shrink(self) -> None:
        # Down to half, so that the list is not shifted with every append.
        count, size = 0, self._bytes
        while len(self._entries) - count > self._max_entries // 2 or size > self._max_bytes // 2:
            size -= len(self._entries[count].value)
            count += 1
        self._drop(count)

    def _drop(self, count: int) -> None:
        self._bytes -= sum(len(entry.value) for entry in self._entries[:count])
        del self._entries[:count]
