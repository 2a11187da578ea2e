"""KafkaReader: reads one partition of Kafka, with what was fetched last kept for who asks next."""

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from ingest.errors import LogUnavailable
from ingest.log.kafka_clients import ANSWER_TIMEOUT_S, KafkaClients
from ingest.log.kafka_errors import asking_kafka
from ingest.log.port import BEGINNING, Entry

PULLED = 512
"""How many records are taken over at once: decoding more would hold up everything else for milliseconds."""
MAX_KEPT = 4096
MAX_KEPT_BYTES = 4 << 20
_WATCHED_MS = 500
_log = structlog.get_logger(__name__)


class KafkaReader:
    """Entries of one partition, from any offset; readers that are near each other share what was fetched.

    It has a consumer, and with it a connection, of its own: aiokafka has one fetch at a time under way to a
    node, and one that waits for a quiet partition keeps a busy one waiting with it for up to `_WATCHED_MS`.
    `oldest` tells the offset of the oldest record that is kept; `on_end` is told how far the partition goes.
    """

    def __init__(
        self,
        clients: KafkaClients,
        topic: str,
        partition: int,
        oldest: Callable[[], Awaitable[int]],
        on_end: Callable[[int], None],
    ) -> None:
        self._clients = clients
        self._partition = TopicPartition(clients.servers.name(topic), partition)
        self._oldest = oldest
        self._on_end = on_end
        self._consumer: AIOKafkaConsumer | None = None
        self._busy = asyncio.Lock()
        self._kept: list[Entry] = []
        self._kept_bytes = 0
        # What lies above _from and not above _position is in _kept; pulled is what comes after _position.
        self._from = BEGINNING
        self._position = BEGINNING
        self._watching: asyncio.Task[None] | None = None
        self._watchers = 0
        self._closed = False

    async def read(self, after: int, end: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries above `after`; `end` is the newest offset, and above `after`.

        Nothing only if Kafka has already forgotten all of them.

        Raises:
            LogUnavailable: none came in time.
        """
        if found := self._known(after, limit):
            return found
        async with self._busy:
            try:
                async with asking_kafka(f"{self._partition.topic} cannot be read", ANSWER_TIMEOUT_S):
                    while not (found := self._known(after, limit)):
                        consumer = await self._stand(after)
                        if self._position >= end:
                            break
                        await self._pull(consumer, _WATCHED_MS)
            except LogUnavailable:
                # Of a node that has halted the client would ask again and again, and never another one.
                await self._part()
                raise
            return found

    def watch(self, after: int) -> None:
        """Look out for what is appended above `after`, which is the end, until `unwatch`."""
        self._watchers += 1
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(after), name=f"watch-{self._partition.topic}")

    def unwatch(self) -> None:
        """One who looked out does no longer."""
        self._watchers -= 1

    def forget(self, before: int) -> None:
        """Drop what was kept of the entries below offset `before`."""
        self._drop(bisect_right(self._kept, before - 1, key=_offset))

    async def close(self) -> None:
        """Part with Kafka."""
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self._part()

    def _known(self, after: int, limit: int) -> list[Entry]:
        """Return what is kept above `after`, nothing if what follows on it was dropped."""
        if after < self._from:
            return []
        begin = bisect_right(self._kept, after, key=_offset)
        return self._kept[begin : begin + limit]

    async def _stand(self, after: int) -> AIOKafkaConsumer:
        """See to it that what is kept and what is pulled next is all that comes after `after`."""
        if self._consumer is not None and self._from <= after <= self._position:
            return self._consumer
        # A new consumer: the fetch that the old one has under way would have to end first (half a second).
        await self._part()
        self._drop(len(self._kept))
        # Asked for less than the oldest record, Kafka refuses and the client begins anew: so we ask first.
        self._position = max(after, await self._oldest() - 1)
        self._from = after
        consumer = await self._open()
        consumer.seek(self._partition, self._position + 1)
        self._consumer = consumer
        return consumer

    async def _pull(self, consumer: AIOKafkaConsumer, timeout_ms: int) -> None:
        """Take over what comes next, if it comes in time."""
        pulled = await consumer.getmany(self._partition, timeout_ms=timeout_ms, max_records=PULLED)
        records = pulled.get(self._partition, ())
        entries = [
            Entry(record.offset, (record.key or b"").decode(), record.value or b"", record.timestamp)
            for record in records
            if record.offset > self._position
        ]
        if entries:
            self._keep(entries)
            highwater = consumer.highwater(self._partition) or 0
            self._on_end(max(self._position, highwater - 1))

    def _keep(self, entries: list[Entry]) -> None:
        self._position = entries[-1].offset
        self._kept.extend(entries)
        self._kept_bytes += _bytes(entries)
        if len(self._kept) > MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES:
            # Down to the newest, so that the list is not shifted with every pull.
            self._drop(len(self._kept) - len(entries))

    def _drop(self, count: int) -> None:
        if count:
            self._from = self._kept[count - 1].offset
            self._kept_bytes -= _bytes(self._kept[:count])
            del self._kept[:count]

    async def _watch(self, after: int) -> None:
        try:
            while self._watchers > 0 and not self._closed:
                async with self._busy:
                    try:
                        async with asking_kafka("the end cannot be watched", ANSWER_TIMEOUT_S):
                            consumer = await self._stand(max(after, self._position))
                            await self._pull(consumer, _WATCHED_MS)
                    except LogUnavailable as error:
                        _log.warning("log cannot be watched", action="log_watch_failed", error=str(error))
                        await self._part()
                        return
        finally:
            self._watching = None

    async def _open(self) -> AIOKafkaConsumer:
        if self._closed:
            raise LogUnavailable("the log is closed")
        consumer = await self._clients.consumer(auto_offset_reset="earliest", fetch_max_wait_ms=_WATCHED_MS)
        consumer.assign([self._partition])
        return consumer

    async def _part(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._clients.stop(consumer)


def _offset(entry: Any) -> int:
    return entry.offset  # type: ignore[no-any-return]  # bisect's key is typed no closer


def _bytes(entries: list[Entry]) -> int:
    return sum(len(entry.value) for entry in entries)
