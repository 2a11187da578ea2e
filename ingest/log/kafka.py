"""KafkaEventLog: the log beyond one machine, on a Kafka whose topics `vigil init` has made (ADR 0007)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete

from devices.clock import Clock
from ingest.errors import LogError, LogUnavailable
from ingest.lanes import DEAD_LETTERS, LANES
from ingest.log.kafka_clients import ANSWER_TIMEOUT_S, KafkaClients
from ingest.log.kafka_errors import asking_kafka
from ingest.log.kafka_reader import KafkaReader
from ingest.log.kafka_servers import KafkaServers
from ingest.log.kafka_writer import KafkaWriter
from ingest.log.port import BEGINNING, Entry, NewEntry
from ingest.log.watch import Watch, empty

T = TypeVar("T")
_END_KNOWN_FOR_S = 5.0


class _Topic:
    """A topic: who writes it, who reads its partitions, and what is known of their ends."""

    def __init__(
        self, log: "KafkaEventLog", clients: KafkaClients, clock: Clock, name: str, count: int
    ) -> None:
        self.watch: Watch = empty(clock, count)
        self.heard_s: dict[int, float] = {}
        self._clock = clock
        self.writer = KafkaWriter(clients, clock, name, count, lambda: log.newest_ms(name), self.reached)
        self.readers = [
            KafkaReader(
                clients,
                name,
                partition,
                lambda partition=partition: log.oldest(name, partition),  # type: ignore[misc]  # bound per reader
                lambda end, partition=partition: self.reached(partition, end),  # type: ignore[misc]  # likewise
            )
            for partition in range(count)
        ]

    async def close(self) -> None:
        """Part with Kafka."""
        self.watch.close()
        await asyncio.gather(self.writer.close(), *(reader.close() for reader in self.readers))

    def reached(self, partition: int, end: int) -> None:
        """Kafka has said that `partition` goes as far as `end`."""
        self.heard_s[partition] = self._clock.monotonic_s()
        self.watch.move({partition: end})


class KafkaEventLog:
    """Appends to and reads from Kafka; any number of processes may at once. Use it from one event loop.

    `partitions` is the number of each topic's; `open` asks Kafka for them. What `append` is given for one
    partition is one batch, so all or none of it is there; of several partitions each is by itself.
    """

    def __init__(self, servers: KafkaServers, clock: Clock, partitions: Mapping[str, int]) -> None:
        self._clients = KafkaClients(servers)
        self._clock = clock
        self._partitions = dict(partitions)
        self._topics: dict[str, _Topic] = {}
        self._starting = asyncio.Lock()
        self._asker: AIOKafkaConsumer | None = None
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, servers: KafkaServers, clock: Clock) -> "KafkaEventLog":
        """Open the log that `vigil init` has made on `servers`.

        Raises:
            LogUnavailable: Kafka cannot be reached.
            LogError: a topic is missing, or the lanes have different numbers of partitions.
        """
        return cls(servers, clock, await _count_partitions(KafkaClients(servers)))

    def partitions(self, topic: str) -> int:
        return self._partitions[topic]

    def queued(self, topic: str) -> int:
        """Return how many appends to `topic` wait."""
        return self._topics[topic].writer.queued if topic in self._topics else 0

    async def append(self, topic: str, entries: Sequence[NewEntry]) -> None:
        await self._topic(topic).writer.append(entries)

    async def read(self, topic: str, partition: int, after: int, limit: int) -> list[Entry]:
        known = self._topic(topic)
        end = known.watch.end(partition)
        if after >= end and after >= (end := await self._ask_end(topic, partition)):
            return []
        return await known.readers[partition].read(after, end, limit)

    async def wait(self, topic: str, partition: int, after: int, timeout_s: float) -> bool:
        known = self._topic(topic)
        if known.watch.end(partition) <= after:
            with suppress(LogUnavailable):  # then we wait for as long as we were told, and look again
                await self._ask_end(topic, partition)
        if known.watch.end(partition) > after or timeout_s <= 0 or self._closing.done():
            return known.watch.end(partition) > after
        reader = known.readers[partition]
        reader.watch(known.watch.end(partition))
        try:
            return await known.watch.wait(partition, after, timeout_s)
        finally:
            reader.unwatch()

    async def end(self, topic: str, partition: int) -> int:
        known = self._topic(topic)
        heard_s = known.heard_s.get(partition)
        if heard_s is not None and self._clock.monotonic_s() - heard_s < _END_KNOWN_FOR_S:
            return known.watch.end(partition)
        return await self._ask_end(topic, partition)

    async def forget(self, topic: str, before_ms: int) -> int:
        known = self._topic(topic)
        name = self._clients.servers.name(topic)
        all_of_it = [TopicPartition(name, partition) for partition in range(self.partitions(topic))]
        oldest = await self._ask(topic, lambda asker: asker.beginning_offsets(all_of_it))
        ends = await self._ask(topic, lambda asker: asker.end_offsets(all_of_it))
        times = dict.fromkeys(all_of_it, before_ms)
        young = await self._ask(topic, lambda asker: asker.offsets_for_times(times))
        keep = {
            one: min(ends[one] - 1, ends[one] if young[one] is None else young[one].offset)
            for one in all_of_it
        }
        doomed = {one: offset for one, offset in keep.items() if offset > oldest[one]}
        if doomed:
            await self._delete(doomed)
            for one, offset in doomed.items():
                known.readers[one.partition].forget(offset)
        return sum(offset - oldest[one] for one, offset in doomed.items())

    async def close(self) -> None:
        if not self._closing.done():
            self._closing.set_result(None)
        await asyncio.gather(*(known.close() for known in self._topics.values()))
        async with self._starting:
            asker, self._asker = self._asker, None
        if asker is not None:
            await self._clients.stop(asker)
        await self._clients.close()

    # ------------------------------------------------------------------ questions to Kafka

    async def oldest(self, topic: str, partition: int) -> int:
        """Return the offset of the oldest entry that is kept, or would be the first."""
        one = TopicPartition(self._clients.servers.name(topic), partition)
        return int((await self._ask(topic, lambda asker: asker.beginning_offsets([one])))[one])

    async def newest_ms(self, topic: str) -> int:
        """Return when the newest entry of `topic` was appended, 0 if there is none."""
        newest_ms = 0
        for partition in range(self.partitions(topic)):
            end = await self.end(topic, partition)
            for entry in await self.read(topic, partition, end - 1, 1) if end > BEGINNING else ():
                newest_ms = max(newest_ms, entry.appended_ms)
        return newest_ms

    async def _ask_end(self, topic: str, partition: int) -> int:
        one = TopicPartition(self._clients.servers.name(topic), partition)
        end = int((await self._ask(topic, lambda asker: asker.end_offsets([one])))[one]) - 1
        known = self._topic(topic)
        known.reached(partition, end)
        return known.watch.end(partition)

    async def _ask(self, topic: str, question: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        asker: AIOKafkaConsumer | None = None
        try:
            async with asking_kafka(f"{topic} cannot be asked for its offsets", ANSWER_TIMEOUT_S):
                asker = await self._open_asker()
                return await self._answer(asyncio.ensure_future(question(asker)))
        except LogUnavailable:
            await self._dismiss(asker)
            raise

    async def _answer(self, answer: "asyncio.Future[T]") -> T:
        try:
            both: set[asyncio.Future[Any]] = {answer, self._closing}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise LogUnavailable("the log is closed")
            return await answer
        finally:
            # Not cancelled (see KafkaClients): it ends by itself, and nobody asks how.
            answer.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    async def _open_asker(self) -> AIOKafkaConsumer:
        """Return who is asked for offsets: a consumer that reads nothing."""
        async with self._starting:
            if self._closing.done():
                raise LogUnavailable("the log is closed")
            if self._asker is None:
                self._asker = await self._clients.consumer()
            return self._asker

    async def _dismiss(self, asker: AIOKafkaConsumer | None) -> None:
        """Ask by another one next time: of a node that has halted this one would ask again and again."""
        if asker is not None and self._asker is asker:
            self._asker = None
            await self._clients.stop(asker)

    async def _delete(self, before: Mapping[TopicPartition, int]) -> None:
        doomed = {one: RecordsToDelete(offset) for one, offset in before.items()}
        forgetting = asking_kafka("entries cannot be forgotten", ANSWER_TIMEOUT_S)
        async with forgetting, self._clients.admin() as admin:
            await admin.delete_records(doomed)

    def _topic(self, topic: str) -> _Topic:
        if topic not in self._topics:
            if self._closing.done():
                raise LogUnavailable("the log is closed")
            self._topics[topic] = _Topic(self, self._clients, self._clock, topic, self.partitions(topic))
        return self._topics[topic]


async def _count_partitions(clients: KafkaClients) -> dict[str, int]:
    servers = clients.servers
    wanted = {servers.name(topic): topic for topic in (*LANES, DEAD_LETTERS)}
    async with asking_kafka("Kafka cannot be reached", ANSWER_TIMEOUT_S), clients.admin() as admin:
        described = await admin.describe_topics(list(wanted))
    counts = {
        wanted[topic["topic"]]: len(topic["partitions"]) for topic in described if not topic["error_code"]
    }
    if missing := sorted(set(wanted.values()) - set(counts)):
        raise LogError(f"Kafka has no topic {servers.name(missing[0])}; run `vigil init` first")
    if len({counts[lane] for lane in LANES}) != 1:
        numbers = ", ".join(f"{servers.name(lane)} {counts[lane]}" for lane in LANES)
        raise LogError(f"the lanes have different numbers of partitions: {numbers}; run `vigil init`")
    return counts
