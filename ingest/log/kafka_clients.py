"""KafkaClients: opens and closes the clients of a cluster, so that none leaves its connections behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from ingest.errors import LogUnavailable
from ingest.log.kafka_complaints import complaints
from ingest.log.kafka_errors import asking_kafka
from ingest.log.kafka_servers import KafkaServers

ANSWER_TIMEOUT_S = 2.5
DELIVER_TIMEOUT_S = 2.5
"""The client asks no other node while one that has halted leaves it without an answer: after this we do."""
START_TIMEOUT_S = 10.0
COMPRESSION = "zstd"

_PATIENCE_S = 1.0
_SLOW_START_S = 2.0
_GIVEN_UP_AFTER_S = 20.0


class KafkaClients:
    """Clients of the cluster at `servers`.

    aiokafka forgets its connections when it is cancelled while it opens or closes them. So it never is: who
    waits no longer leaves it to a task of its own.
    """

    def __init__(self, servers: KafkaServers) -> None:
        self.servers = servers
        self._first = 0
        self._leaving: set[asyncio.Task[None]] = set()

    async def producer(self) -> AIOKafkaProducer:
        """Open an idempotent producer that waits for all in-sync replicas.

        Raises:
            LogUnavailable: Kafka cannot be reached; so in the others.
        """
        producer = AIOKafkaProducer(
            **self._options(),
            acks="all",
            enable_idempotence=True,
            compression_type=COMPRESSION,
            max_batch_size=1 << 30,  # how large a batch gets is the writer's business
            request_timeout_ms=round(DELIVER_TIMEOUT_S * 1000),
        )
        return await self._start(producer)

    async def consumer(
        self, *, answer_timeout_s: float = ANSWER_TIMEOUT_S, **options: Any
    ) -> AIOKafkaConsumer:
        """Open a consumer that commits nothing."""
        timeout_ms = round(answer_timeout_s * 1000)
        consumer = AIOKafkaConsumer(
            **self._options(), enable_auto_commit=False, request_timeout_ms=timeout_ms, **options
        )
        return await self._start(consumer)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """Open the client that makes and alters topics, for a while."""
        admin = await self._start(AIOKafkaAdminClient(**self._options()))
        try:
            yield admin
        finally:
            await self.stop(admin)

    async def stop(self, client: Any) -> None:
        """Close a client; for longer than a second nobody waits for it."""
        await asyncio.wait([self._leave(client, None)], timeout=_PATIENCE_S)

    async def close(self) -> None:
        """Wait for those that are still closing, a little; then break them off, for we are to end."""
        leaving = set(self._leaving)
        if leaving:
            await asyncio.wait(leaving, timeout=_PATIENCE_S)
        for one in leaving:
            one.cancel()
        if leaving:
            await asyncio.wait(leaving)

    def _options(self) -> dict[str, Any]:
        """Begin with another server than the one at which somebody was kept waiting."""
        options = self.servers.options()
        servers = options["bootstrap_servers"]
        return {**options, "bootstrap_servers": [*servers[self._first :], *servers[: self._first]]}

    async def _start(self, client: Any) -> Any:
        loop = asyncio.get_running_loop()
        since_s, first = loop.time(), self._first
        complaints.last = None
        starting = asyncio.ensure_future(client.start())
        try:
            async with asking_kafka("Kafka cannot be reached", START_TIMEOUT_S):
                await asyncio.shield(starting)
        except BaseException as error:
            _ = self._leave(client, starting)
            if isinstance(error, LogUnavailable) and complaints.last is not None:
                raise LogUnavailable(f"Kafka cannot be reached at {complaints.last}") from error
            raise
        finally:
            if loop.time() - since_s > _SLOW_START_S:
                # The next one, however many were kept waiting at this one together.
                self._first = (first + 1) % len(self.servers.servers)
        return client

    def _leave(self, client: Any, starting: "asyncio.Future[None] | None") -> asyncio.Task[None]:
        leaving = asyncio.create_task(_close(client, starting), name="kafka-leaving")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        return leaving


async def _close(client: Any, starting: "asyncio.Future[None] | None") -> None:
    if starting is not None:
        await asyncio.wait([starting], timeout=_GIVEN_UP_AFTER_S)
        starting.cancel()
        with suppress(KafkaError, OSError, asyncio.CancelledError):  # told already, to who waited
            await starting
    closing = client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop()
    with suppress(KafkaError, OSError, TimeoutError):  # it is gone either way
        await asyncio.wait_for(closing, _GIVEN_UP_AFTER_S)
