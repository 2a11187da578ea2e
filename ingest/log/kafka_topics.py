"""Kafka's topics: which there are, how long each keeps what; `vigil init` makes them so."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from devices.clock import Clock
from ingest.errors import LogError, LogUnavailable
from ingest.lanes import DEAD_LETTERS, LANES
from ingest.log.kafka_clients import KafkaClients
from ingest.log.kafka_errors import asking_kafka
from ingest.log.kafka_servers import KafkaServers

MAX_ENTRY_BYTES = 8 << 20
"""More than the largest message that ingest takes in, which a dead letter holds whole."""
MAX_COPIES = 3

_ANSWER_TIMEOUT_S = 30.0
_LOOK_EVERY_S = 0.05
_DAY_MS = 24 * 60 * 60 * 1000
_SET_ON_TOPIC = 1


class KafkaTopic(NamedTuple):
    """A topic as it should be: `config` is what must be so, by Kafka's names; other keys are left alone."""

    name: str
    partitions: int
    config: Mapping[str, str]


class _There(NamedTuple):
    """A topic as it is."""

    partitions: int
    copies: int
    led: bool


def log_topics(partitions: int, keep_days: float) -> list[KafkaTopic]:
    """Return the topics of the log: as many partitions each, so that a number stands for all of them."""
    keep_ms = round(keep_days * _DAY_MS)
    config = {
        "cleanup.policy": "delete",
        "retention.ms": str(keep_ms),
        # What is too old goes a segment at a time, so segments are short beside what is kept.
        "segment.ms": str(max(keep_ms // 8, _DAY_MS // 24)),
        "unclean.leader.election.enable": "false",
        "max.message.bytes": str(MAX_ENTRY_BYTES),
        "compression.type": "producer",
        "message.timestamp.type": "CreateTime",
        # Kafka refuses what seems to come from over an hour ahead; a clock that is wrong must cost no alarm.
        "message.timestamp.after.max.ms": str(2**63 - 1),
    }
    return [KafkaTopic(name, partitions, config) for name in (*LANES, DEAD_LETTERS)]


async def prepare_topics(
    servers: KafkaServers, clock: Clock, wanted: Sequence[KafkaTopic], copies: int | None = None
) -> list[str]:
    """Make what is missing and mend what differs; return what was done, in words. Safe to repeat.

    `copies`: of each partition of a new topic; None: one a node, `MAX_COPIES` at most. More than half of
    them must have an entry before it is acknowledged.

    Raises:
        LogUnavailable: Kafka cannot be reached.
        LogError: a topic has another number of partitions, which cannot be mended, or Kafka refuses.
    """
    preparing = asking_kafka("Kafka's topics cannot be prepared", _ANSWER_TIMEOUT_S)
    async with preparing, KafkaClients(servers).admin() as admin:
        preparation = _Preparation(admin, servers, copies)
        done = [said for topic in wanted for said in await preparation.prepare(topic)]
        while not await preparation.all_led(wanted):
            await clock.sleep_s(_LOOK_EVERY_S)
        return done


class _Preparation:
    def __init__(self, admin: AIOKafkaAdminClient, servers: KafkaServers, copies: int | None) -> None:
        self._admin = admin
        self._servers = servers
        self._copies = copies

    async def prepare(self, topic: KafkaTopic) -> list[str]:
        name = self._servers.name(topic.name)
        there = await self._look(name)
        if there is None:
            await self._create(name, topic)
            return [f"topic {name} created"]
        if there.partitions != topic.partitions:
            raise LogError(
                f"topic {name} has {there.partitions} partitions, not {topic.partitions}: another number "
                f"would part nurses from their past; set kafka_partitions to {there.partitions}"
            )
        return await self._mend(name, {**topic.config, **_agreement(there.copies)})

    async def all_led(self, wanted: Sequence[KafkaTopic]) -> bool:
        """Tell whether every partition has a leader, so that it can be written."""
        found = [await self._look(self._servers.name(topic.name)) for topic in wanted]
        return all(there is not None and there.led for there in found)

    async def _look(self, name: str) -> _There | None:
        (found,) = await self._admin.describe_topics([name])
        if found["error_code"] or not found["partitions"]:
            return None
        parts = found["partitions"]
        copies = min(len(one["replicas"]) for one in parts)
        return _There(len(parts), copies, all(one["leader"] >= 0 for one in parts))

    async def _create(self, name: str, topic: KafkaTopic) -> None:
        copies = self._copies or min(MAX_COPIES, len((await self._admin.describe_cluster())["brokers"]))
        config = {**topic.config, **_agreement(copies)}
        new = NewTopic(name, topic.partitions, copies, topic_configs=config)
        answer = await self._admin.create_topics([new])
        for _name, code, *said in answer.topic_errors:
            # Another `vigil init` may have been first, with the same settings.
            _check(code, f"topic {name} cannot be created", said, unless=TopicAlreadyExistsError)

    async def _mend(self, name: str, wanted: Mapping[str, str]) -> list[str]:
        there = await self._config(name)
        differs = {key: value for key, value in wanted.items() if there.get(key, (None, 0))[0] != value}
        if not differs:
            return []
        # Kafka forgets what this request leaves out, so what somebody else has set is said again.
        others = {key: value for key, (value, source) in there.items() if source == _SET_ON_TOPIC}
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs={**others, **wanted})
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


def _agreement(copies: int) -> dict[str, str]:
    return {"min.insync.replicas": str(copies // 2 + 1)}


def _check(code: int, what: str, said: Any, unless: type[Exception] | None = None) -> None:
    error = for_code(code)
    if not code or error is unless:
        return
    message = f"{what}: {said or error.__name__}"
    raise LogUnavailable(message) if getattr(error, "retriable", False) else LogError(message)
