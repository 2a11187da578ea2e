"""The EventLog port: append durably, read in order, know the end, forget the old."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

BEGINNING = -1
"""The offset before the first entry: reading after it starts at the oldest entry kept."""


class Entry(NamedTuple):
    """One entry as read. Offsets grow within a partition and are never used twice."""

    offset: int
    key: str
    value: bytes
    appended_ms: int


class NewEntry(NamedTuple):
    """One entry to append. `partition` None: the partition that its key belongs to."""

    key: str
    value: bytes
    partition: int | None = None


class EventLog(Protocol):
    """An append-only log of topics, each split into partitions by key.

    Order is kept within a partition, so also for each key. Any number of readers keep their own offsets.
    """

    def partitions(self, topic: str) -> int:
        """Return how many partitions `topic` has."""

    async def append(self, topic: str, entries: Sequence[NewEntry]) -> None:
        """Append `entries` in order, all or none of them; they are durable when this returns.

        What one task appends before another does is read before it, as far as they share a partition.

        Raises:
            LogUnavailable: none is known to be durable; appending again may store them twice.
        """

    async def read(self, topic: str, partition: int, after: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries with offsets above `after`, oldest first, without waiting.

        Fewer do not mean that the end is reached; none do. Offsets may have gaps.

        Raises:
            LogUnavailable: nothing can be read just now.
        """

    async def wait(self, topic: str, partition: int, after: int, timeout_s: float) -> bool:
        """Wait at most `timeout_s` seconds for an entry above `after`; tell whether there is one."""

    async def end(self, topic: str, partition: int) -> int:
        """Return the newest offset of the partition, `BEGINNING` if nothing was ever appended.

        Where others append too, it may be as it was some seconds ago; never less than `read` has looked at.

        Raises:
            LogUnavailable: nobody knows it just now.
        """

    async def forget(self, topic: str, before_ms: int) -> int:
        """Delete entries appended before `before_ms`; return how many. The newest one stays."""

    async def close(self) -> None:
        """Finish what was begun and release the log."""
