"""KafkaWriter: appends to one topic of Kafka, each partition's waiting appends as one batch."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaProducer

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.log.kafka_clients import DELIVER_TIMEOUT_S, KafkaClients
from ingest.log.kafka_errors import asking_kafka
from ingest.log.partitioning import place
from ingest.log.port import NewEntry

MAX_QUEUED = 1024
CLOSE_TIMEOUT_S = 3.0
MAX_BATCH_BYTES = 512 * 1024
"""What goes out at once, unless one entry alone is larger."""
_ENTRY_BYTES = 32
_CLOSER_S = 1.0
"""How much longer than the client we wait: what it says is wrong is more than that it said nothing."""
_log = structlog.get_logger(__name__)


class _Append(NamedTuple):
    entries: list[NewEntry]
    durable: asyncio.Future[None]


class KafkaWriter:
    """Appends to `topic` from any number of tasks of one event loop.

    It has a producer, and with it connections, of its own: aiokafka sends a node one request at a time, and
    an alarm must not wait for the locations of another topic. The producer is idempotent and waits for all
    in-sync replicas. `on_append` is told a partition and its new end before the append returns.
    """

    def __init__(
        self,
        clients: KafkaClients,
        clock: Clock,
        topic: str,
        partitions: int,
        newest_ms: Callable[[], Awaitable[int]],
        on_append: Callable[[int, int], None],
    ) -> None:
        self._clients = clients
        self._clock = clock
        self._topic = topic
        self._partitions = partitions
        self._read_newest_ms = newest_ms
        self._on_append = on_append
        self._newest_ms: int | None = None
        self._queues: list[deque[_Append]] = [deque() for _ in range(partitions)]
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(MAX_QUEUED)
        self._opening = asyncio.Lock()
        self._producer: AIOKafkaProducer | None = None
        self._closed = False

    @property
    def queued(self) -> int:
        """How many appends wait."""
        return sum(len(queue) for queue in self._queues)

    async def append(self, entries: Sequence[NewEntry]) -> None:
        """Append `entries`; wait first while too many appends are queued already.

        What goes to one partition goes together, unless it is more than `MAX_BATCH_BYTES`.

        Raises:
            LogUnavailable: Kafka did not confirm all of them, or the log is closed.
        """
        placed: dict[int, list[NewEntry]] = {}
        for entry in entries:
            placed.setdefault(place(entry, self._partitions), []).append(entry)
        if not placed:
            return
        async with self._room:
            if self._closed:
                raise LogUnavailable("the log is closed")
            durable = [self._queue(partition, group) for partition, group in placed.items()]
            outcomes = await asyncio.gather(*durable, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def close(self) -> None:
        """Send what is queued, if Kafka takes it within `CLOSE_TIMEOUT_S`, then part with it."""
        self._closed = True
        sending = set(self._sending.values())
        if sending:
            await asyncio.wait(sending, timeout=CLOSE_TIMEOUT_S)
        for task in sending:
            task.cancel()
        if sending:
            await asyncio.wait(sending)
        await self._part()

    def _queue(self, partition: int, entries: list[NewEntry]) -> asyncio.Future[None]:
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues[partition].append(_Append(entries, durable))
        if partition not in self._sending:
            name = f"kafka-{self._topic}-{partition}"
            self._sending[partition] = asyncio.create_task(self._send(partition), name=name)
        return durable

    async def _send(self, partition: int) -> None:
        """Send what waits for `partition`, batch after batch, until nothing does."""
        queue = self._queues[partition]
        group: list[_Append] = []
        try:
            while queue:
                group = _take(queue)
                try:
                    await self._deliver(partition, [entry for append in group for entry in append.entries])
                except LogUnavailable as error:
                    _tell(group, error)
                else:
                    _tell(group, None)
        finally:
            del self._sending[partition]
            _tell([*group, *queue], LogUnavailable("the log was closed"))

    async def _deliver(self, partition: int, entries: list[NewEntry]) -> None:
        begin = 0
        while begin < len(entries):
            count = _fitting(entries, begin)
            await self._deliver_batch(partition, entries[begin : begin + count])
            begin += count

    async def _deliver_batch(self, partition: int, entries: list[NewEntry]) -> None:
        producer = await self._open()
        at_ms = self._newest_ms = max(self._newest_ms or 0, self._clock.now_ms())
        batch = producer.create_batch()
        for entry in entries:
            batch.append(key=entry.key.encode(), value=entry.value, timestamp=at_ms)
        batch.close()
        try:
            async with asking_kafka(f"{self._topic} cannot be appended to", DELIVER_TIMEOUT_S + _CLOSER_S):
                sent = await producer.send_batch(
                    batch, self._clients.servers.name(self._topic), partition=partition
                )
                first = (await sent).offset
        except LogUnavailable as error:
            _log.error("append failed", action="log_append_failed", topic=self._topic, error=str(error))
            # A batch given up leaves a gap in the producer's sequence, and Kafka would take no more of it.
            if self._producer is producer:
                await self._part()
            raise
        self._on_append(partition, first + len(entries) - 1)

    async def _open(self) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is None:
                if self._newest_ms is None:
                    self._newest_ms = await self._read_newest_ms()
                self._producer = await self._clients.producer()
            return self._producer

    async def _part(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._clients.stop(producer)


def _take(queue: deque[_Append]) -> list[_Append]:
    """Take what can go together: one append, or several up to `MAX_BATCH_BYTES`."""
    group: list[_Append] = []
    size = 0
    while queue and (not group or size + _size(queue[0].entries) <= MAX_BATCH_BYTES):
        size += _size(queue[0].entries)
        group.append(queue.popleft())
    return group


def _fitting(entries: list[NewEntry], begin: int) -> int:
    """Return how many of `entries` from `begin` on go into one batch; at least one."""
    count, size = 1, _size(entries[begin : begin + 1])
    for entry in entries[begin + 1 :]:
        size += _size([entry])
        if size > MAX_BATCH_BYTES:
            break
        count += 1
    return count


def _size(entries: list[NewEntry]) -> int:
    return sum(_ENTRY_BYTES + len(entry.value) for entry in entries)


def _tell(group: Sequence[_Append], error: LogUnavailable | None) -> None:
    for append in group:
        if append.durable.done():
            continue
        if error is None:
            append.durable.set_result(None)
        else:
            append.durable.set_exception(error)
