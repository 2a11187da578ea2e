"""SqliteEventLog: the embedded log, one SQLite file per topic in a directory."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.log.port import Entry, NewEntry
from ingest.log.sqlite_file import lock_for_writing, topic_path
from ingest.log.sqlite_reader import SqliteReader
from ingest.log.sqlite_writer import Committed, TopicWriter
from ingest.log.tail import Tail
from ingest.log.watch import Watch


class _Topic:
    """A topic being written: its writer, who waits for it, and its newest entries."""

    def __init__(self, path: Path, clock: Clock, partitions: int, max_bytes: int | None) -> None:
        self.tails = [Tail() for _ in range(partitions)]
        self.writer = TopicWriter(path, clock, partitions, self._take_over, max_bytes)
        self.watch = Watch(clock, self.writer.ends)

    def _take_over(self, committed: Committed) -> None:
        for partition, entries in committed.items():
            self.tails[partition].extend(entries)
        self.watch.move({partition: entries[-1].offset for partition, entries in committed.items()})


class SqliteEventLog:
    """Writes and reads the log in `directory`; only one process at a time may.

    `partitions` is the number for every topic, or for each by name. It is fixed when a topic is first
    written. `max_topic_bytes` bounds each topic's file: beyond it appends fail until something is
    forgotten. Use it from one event loop.

    Raises:
        LogInUse: another process writes this log.
        LogError: a file has another number of partitions, or comes from a newer version.
        LogUnavailable: the directory or a file cannot be opened.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        partitions: Mapping[str, int] | int = 1,
        max_topic_bytes: int | None = None,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._partitions = partitions
        self._max_topic_bytes = max_topic_bytes
        self._topics: dict[str, _Topic] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = lock_for_writing(directory)
        except OSError as error:
            raise LogUnavailable(f"log {directory} cannot be opened: {error}") from error
        self._reader = SqliteReader(directory)

    def partitions(self, topic: str) -> int:
        return self._partitions if isinstance(self._partitions, int) else self._partitions[topic]

    def queued(self, topic: str) -> int:
        """Return how many appends to `topic` wait for its writer."""
        return self._topics[topic].writer.queued if topic in self._topics else 0

    async def append(self, topic: str, entries: Sequence[NewEntry]) -> None:
        await self._topic(topic).writer.append(entries)

    async def read(self, topic: str, partition: int, after: int, limit: int) -> list[Entry]:
        known = self._topic(topic)
        if after >= known.watch.end(partition):
            return []
        recent = known.tails[partition].read(after, limit)
        return await self._reader.read(topic, partition, after, limit) if recent is None else recent

    async def wait(self, topic: str, partition: int, after: int, timeout_s: float) -> bool:
        return await self._topic(topic).watch.wait(partition, after, timeout_s)

    async def end(self, topic: str, partition: int) -> int:
        return self._topic(topic).watch.end(partition)

    async def forget(self, topic: str, before_ms: int) -> int:
        known = self._topic(topic)
        for tail in known.tails:
            tail.forget(before_ms)
        return await known.writer.forget(before_ms)

    async def close(self) -> None:
        for known in self._topics.values():
            await known.writer.close()
            known.watch.close()
        await self._reader.close()
        self._lock.close()

    def _topic(self, topic: str) -> _Topic:
        if topic not in self._topics:
            path = topic_path(self._directory, topic)
            if self._lock.closed:
                raise LogUnavailable("the log is closed")
            try:
                self._topics[topic] = _Topic(path, self._clock, self.partitions(topic), self._max_topic_bytes)
            except sqlite3.Error as error:
                raise LogUnavailable(f"topic {topic} cannot be opened: {error}") from error
        return self._topics[topic]
