"""Kafka's topics: which there are, how long each keeps what; `vigil init` makes them so."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from devices.clock import Clock
from ingest.errors import LogError, LogUnavailable
from ingest.lanes import DEAD_LETTERS, LANES
from ingest.log.kafka_servers import KafkaServers, asking_kafka

MAX_ENTRY_BYTES = 8 << 20
"""More than the largest message that ingest takes in, which a dead letter holds whole."""

_ANSWER_TIMEOUT_S = 30.0
_LOOK_EVERY_S = 0.05
_DAY_MS = 24 * 60 * 60 * 1000
_SET_ON_TOPIC = 1


class KafkaTopic(NamedTuple):
    """A topic as it should be: `config` is what must be so, by Kafka's names; other keys are left alone."""

    name: str
    partitions: int
    config: Mapping[str, str]


def log_topics(partitions: int, copies: int, keep_days: float) -> list[KafkaTopic]:
    """Return the topics of the log, with `partitions` each and `copies` of every partition."""
    keep_ms = round(keep_days * _DAY_MS)
    config = {
        "cleanup.policy": "delete",
        "retention.ms": str(keep_ms),
        # What is too old goes a segment at a time, so segments are short beside what is kept.
        "segment.ms": str(max(keep_ms // 8, _DAY_MS // 24)),
        "min.insync.replicas": str(copies // 2 + 1),
        "unclean.leader.election.enable": "false",
        "max.message.bytes": str(MAX_ENTRY_BYTES),
        "compression.type": "producer",
        "message.timestamp.type": "CreateTime",
        # Kafka refuses what seems to come from over an hour ahead; a clock that is wrong must cost no alarm.
        "message.timestamp.after.max.ms": str(2**63 - 1),
    }
    return [KafkaTopic(name, partitions, config) for name in (*LANES, DEAD_LETTERS)]


async def prepare_topics(
    servers: KafkaServers, clock: Clock, wanted: Sequence[KafkaTopic], copies: int | None
) -> list[str]:
    """Make what is missing and mend what differs; return what was done, in words. Safe to repeat.

    `copies` None: as many as there are nodes, three at most.

    Raises:
        LogUnavailable: Kafka cannot be reached.
        LogError: a topic has another number of partitions, which cannot be mended, or Kafka refuses.
    """
    async with asking_kafka("Kafka's topics cannot be prepared", _ANSWER_TIMEOUT_S):
        admin = AIOKafkaAdminClient(**servers.options())
        try:
            await admin.start()
            return await _Preparation(admin, servers, clock).prepare(wanted, copies)
        finally:
            await admin.close()


async def count_copies(servers: KafkaServers) -> int:
    """Return how many copies of a partition a cluster like this can keep: one a node, three at most.

    Raises:
        LogUnavailable: Kafka cannot be reached.
    """
    async with asking_kafka("Kafka cannot be reached", _ANSWER_TIMEOUT_S):
        admin = AIOKafkaAdminClient(**servers.options())
        try:
            await admin.start()
            return min(3, len((await admin.describe_cluster())["brokers"]))
        finally:
            await admin.close()


class _Preparation:
    def __init__(self, admin: AIOKafkaAdminClient, servers: KafkaServers, clock: Clock) -> None:
        self._admin = admin
        self._servers = servers
        self._clock = clock

    async def prepare(self, wanted: Sequence[KafkaTopic], copies: int | None) -> list[str]:
        copies = copies or 1
        there = await self._counts()
        done = []
        for topic in wanted:
            count = there.get(self._servers.name(topic.name))
            if count is None:
                await self._create(topic, copies)
                done.append(f"topic {self._servers.name(topic.name)} created")
            elif count != topic.partitions:
                raise LogError(
                    f"topic {self._servers.name(topic.name)} has {count} partitions, not {topic.partitions}: "
                    f"another number would part nurses from their past; set kafka_partitions to {count}"
                )
            else:
                done += await self._mend(topic)
        while not await self._all_led(wanted):
            await self._clock.sleep_s(_LOOK_EVERY_S)
        return done

    async def _counts(self) -> dict[str, int]:
        described = await self._admin.describe_topics()
        return {topic["topic"]: len(topic["partitions"]) for topic in described}

    async def _all_led(self, wanted: Sequence[KafkaTopic]) -> bool:
        described = await self._admin.describe_topics([self._servers.name(topic.name) for topic in wanted])
        return all(
            topic["error_code"] == 0
            and topic["partitions"]
            and all(one["leader"] >= 0 for one in topic["partitions"])
            for topic in described
        )

    async def _create(self, topic: KafkaTopic, copies: int) -> None:
        new = NewTopic(
            self._servers.name(topic.name), topic.partitions, copies, topic_configs=dict(topic.config)
        )
        answer = await self._admin.create_topics([new])
        for name, code, *said in answer.topic_errors:
            _check(code, f"topic {name} cannot be created", said, unless=TopicAlreadyExistsError)

    async def _mend(self, topic: KafkaTopic) -> list[str]:
        name = self._servers.name(topic.name)
        there = await self._config(name)
        differs = {key: value for key, value in topic.config.items() if there.get(key, (None, 0))[0] != value}
        if not differs:
            return []
        # Kafka forgets what this request leaves out, so what somebody else has set is said again.
        others = {key: value for key, (value, source) in there.items() if source == _SET_ON_TOPIC}
        resource = ConfigResource(
            ConfigResourceType.TOPIC, name, configs={**others, **topic.config, **differs}
        )
        for answer in await self._admin.alter_configs([resource]):
            for code, said, *_ in answer.resources:
                _check(code, f"topic {name} cannot be altered", said)
        return [f"topic {name}: {key} is now {value}" for key, value in differs.items()]

    async def _config(self, name: str) -> dict[str, tuple[str, int]]:
        """Return the value and the source of each key of the topic `name`."""
        found: dict[str, tuple[str, int]] = {}
        for answer in await self._admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)]):
            for code, said, _kind, _name, entries in answer.resources:
                _check(code, f"topic {name} cannot be described", said)
                found.update({key: (value, source) for key, value, _read_only, source, *_ in entries})
        return found


def _check(code: int, what: str, said: Any, unless: type[Exception] | None = None) -> None:
    error = for_code(code)
    if not code or error is unless:
        return
    message = f"{what}: {said or error.__name__}"
    raise LogUnavailable(message) if getattr(error, "retriable", False) else LogError(message)
