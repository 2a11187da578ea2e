"""MemoryEventLog: the log's fake, for tests and benchmarks; nothing survives it."""

from collections.abc import Mapping, Sequence

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.log.partitioning import place
from ingest.log.port import Entry, NewEntry
from ingest.log.watch import Watch, empty


class _Topic:
    def __init__(self, clock: Clock, partitions: int) -> None:
        self.kept: list[list[Entry]] = [[] for _ in range(partitions)]
        self.watch: Watch = empty(clock, partitions)
        self.newest_ms = 0


class MemoryEventLog:
    """Entries in lists. `unavailable` makes all but waiting raise `LogUnavailable` while it is set."""

    def __init__(self, clock: Clock, partitions: Mapping[str, int] | int = 1) -> None:
        self._clock = clock
        self._partitions = partitions
        self._topics: dict[str, _Topic] = {}
        self.unavailable = False

    def partitions(self, topic: str) -> int:
        return self._partitions if isinstance(self._partitions, int) else self._partitions[topic]

    async def append(self, topic: str, entries: Sequence[NewEntry]) -> None:
        self._check()
        log = self._topic(topic)
        log.newest_ms = max(log.newest_ms, self._clock.now_ms())
        ends: dict[int, int] = {}
        places = [place(new, len(log.kept)) for new in entries]
        for new, partition in zip(entries, places, strict=True):
            offset = ends.get(partition, log.watch.end(partition)) + 1
            log.kept[partition].append(Entry(offset, new.key, new.value, log.newest_ms))
            ends[partition] = offset
        log.watch.move(ends)

    async def read(self, topic: str, partition: int, after: int, limit: int) -> list[Entry]:
        self._check()
        kept = self._topic(topic).kept[partition]
        start = max(0, after + 1 - kept[0].offset) if kept else 0
        return kept[start : start + limit]

    async def wait(self, topic: str, partition: int, after: int, timeout_s: float) -> bool:
        return await self._topic(topic).watch.wait(partition, after, timeout_s)

    async def end(self, topic: str, partition: int) -> int:
        self._check()
        return self._topic(topic).watch.end(partition)

    async def forget(self, topic: str, before_ms: int) -> int:
        self._check()
        forgotten = 0
        for kept in self._topic(topic).kept:
            old = sum(1 for entry in kept[:-1] if entry.appended_ms < before_ms)
            del kept[:old]
            forgotten += old
        return forgotten

    async def close(self) -> None:
        self.unavailable = True
        for log in self._topics.values():
            log.watch.close()

    def _check(self) -> None:
        if self.unavailable:
            raise LogUnavailable("the log is closed or told to be unavailable")

    def _topic(self, topic: str) -> _Topic:
        if topic not in self._topics:
            self._topics[topic] = _Topic(self._clock, self.partitions(topic))
        return self._topics[topic]
