"""KafkaAssignments: a consumer group of Kafka's deals the partitions out among the processes (ADR 0007)."""

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.lanes import TELEMETRY
from ingest.log.assignment import Owner
from ingest.log.kafka_clients import KafkaClients
from ingest.log.kafka_servers import KafkaServers

SESSION_S = 6.0
"""A member that has not been heard for so long is dead, and others get its partitions."""

_HEARTBEATS = 6
_CLOSER_S = 2.0
"""How much longer than that we wait for an answer: who joins has it when all others have joined."""
_RETRY_AFTER_S = 1.0
_LOOK_MS = 1000
_log = structlog.get_logger(__name__)


class KafkaAssignments:
    """Takes part in `group`. The group is dealt the partitions of one lane, and they stand for those of all.

    `member` is the name of a static member: restarted within `session_s` it gets back what it had, and nobody
    else is disturbed. Without a name it is a new member each time, and gives everything back when it leaves.
    """

    def __init__(
        self,
        servers: KafkaServers,
        clock: Clock,
        group: str = "process",
        member: str | None = None,
        session_s: float = SESSION_S,
    ) -> None:
        self._clients = KafkaClients(servers)
        self._clock = clock
        self._group = group
        self._member = member
        self._session_s = session_s

    async def run(self, owner: Owner) -> None:
        """Take part until cancelled; while Kafka cannot be reached, what is owned stays owned."""
        hands = _Hands(owner, self._session_s / 2)
        dealing = asyncio.create_task(hands.work(), name="partitions-dealt")
        try:
            while True:
                try:
                    await self._take_part(hands, dealing)
                except (LogUnavailable, KafkaError, OSError) as error:
                    _log.warning("group cannot be reached", action="group_failed", error=str(error))
                await self._clock.sleep_s(_RETRY_AFTER_S)
        except asyncio.CancelledError:
            await hands.let_go()
            raise
        finally:
            dealing.cancel()
            await asyncio.wait([dealing])

    async def _take_part(self, hands: "_Hands", dealing: asyncio.Task[None]) -> None:
        consumer = hands.consumer = await self._consumer()
        try:
            consumer.subscribe([self._clients.servers.name(TELEMETRY)], listener=hands)
            while not dealing.done():
                # Nothing is read here: the call says that we are alive, and tells what is wrong.
                await consumer.getmany(timeout_ms=_LOOK_MS)
            await dealing
        finally:
            await self._clients.stop(consumer)

    async def _consumer(self) -> AIOKafkaConsumer:
        session_ms = round(self._session_s * 1000)
        # The assignor keeps what it knows in its class, and two groups in one process must not share that.
        sticky: Any = type("Sticky", (StickyPartitionAssignor,), {})
        return await self._clients.consumer(
            answer_timeout_s=self._session_s + _CLOSER_S,
            group_id=self._clients.servers.name(self._group),
            group_instance_id=self._member,
            auto_offset_reset="latest",
            max_partition_fetch_bytes=1024,
            partition_assignment_strategy=[sticky],
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // _HEARTBEATS,
        )


class _Hands(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Holds what the group has dealt, and tells the owner, who may take longer than Kafka waits."""

    def __init__(self, owner: Owner, patience_s: float) -> None:
        self.consumer: AIOKafkaConsumer | None = None
        self._owner = owner
        self._patience_s = patience_s
        self._telling = asyncio.Lock()
        self._dealt: frozenset[int] = frozenset()
        self._changed = asyncio.Event()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """All partitions are dealt anew. Whoever gets one of ours should find a fresh checkpoint.

        aiokafka knows the eager protocol only, which takes everything back for a moment. We go on working
        meanwhile: most of it comes back, and what does not is fenced off by its new owner's claim.
        """
        if not self._dealt:
            return
        try:
            async with asyncio.timeout(self._patience_s), self._telling:
                await self._owner.before_change()
        except TimeoutError:
            _log.warning("checkpoints took too long", action="group_checkpoint_late")

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take what was dealt; the owner is told outside, because no heartbeat goes out while we are here."""
        partitions = list(assigned)
        if self.consumer is not None and partitions:
            self.consumer.pause(*partitions)
        self._dealt = frozenset(one.partition for one in partitions)
        self._changed.set()
        _log.info("partitions dealt", action="group_dealt", partitions=sorted(self._dealt))

    async def work(self) -> None:
        """Tell the owner of every change, the newest only."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            async with self._telling:
                await self._owner.own(self._dealt)

    async def let_go(self) -> None:
        """Own nothing any more."""
        self._dealt = frozenset()
        async with self._telling:
            await self._owner.own(self._dealt)
