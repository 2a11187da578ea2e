"""What a Traccar server forwards to Kafka: read from its topics there, and handed to admission.

Traccar calls a position forwarded before Kafka has acknowledged it, and tries nothing again: of its three
forwarders this one loses most. It is for whoever has a Kafka between Traccar and others already.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from devices.clock import Clock
from devices.topics import is_device_id
from ingest.log.kafka_complaints import complaints
from ingest.log.kafka_servers import KafkaServers
from ingest.message import Message
from ingest.subscriber.window import Window

BATCH = 256
_WAIT_MS = 1000
_NOTICE_MS = 10_000
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0

_log = structlog.get_logger(__name__)


class Admission(Protocol):
    """Takes in messages; returns only when they are durable."""

    async def admit_all(self, messages: Sequence[Message]) -> None:
        """Take in what stands for so many publishes, in their order."""


class TraccarKafka(NamedTuple):
    """Where Traccar's topics are, how they are called, and the gateway that speaks in them."""

    servers: KafkaServers
    gateway: str
    positions: str = "positions"
    events: str = "events"

    @classmethod
    def parse(cls, url: str) -> "TraccarKafka":
        """Read `kafka://host:port?gateway=ID[&positions=TOPIC][&events=TOPIC]`, the rest as for the log.

        Raises:
            ValueError: it is no such URL; says what was expected, and not what it holds.
        """
        servers = KafkaServers.parse(url)
        said = parse_qs(urlsplit(url).query)
        gateway = said.get("gateway", [""])[0]
        if not is_device_id(gateway):
            raise ValueError("expected ?gateway= with the id from `vigil gateway add --codec traccar`")
        positions, events = said.get("positions", ["positions"])[0], said.get("events", ["events"])[0]
        return cls(servers, gateway, positions, events)


class TraccarTopic:
    """Reads one of Traccar's topics; what was read counts once it is durable, and comes again until then.

    An event waits for no position: each topic has a reader of its own (`TraccarTopic.both`).
    """

    def __init__(
        self, kafka: TraccarKafka, topic: str, channel: str, admission: Admission, clock: Clock
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        # As if it had been published there: dead letters name it so.
        self._said_on = f"traccar/{kafka.gateway}/{channel}"
        self._clock = clock
        self._window = Window(BATCH, clock, admission.admit_all)

    @classmethod
    def both(cls, kafka: TraccarKafka, admission: Admission, clock: Clock) -> "list[TraccarTopic]":
        """Return the readers of events and of positions."""
        return [
            cls(kafka, kafka.events, "events", admission, clock),
            cls(kafka, kafka.positions, "positions", admission, clock),
        ]

    async def run(self) -> None:
        """Read until cancelled, over a new connection whenever the old one is lost."""
        pause_s = _FIRST_PAUSE_S
        while True:
            consumer = self._consumer()
            try:
                await consumer.start()
                pause_s = _FIRST_PAUSE_S
                await self._read(consumer)
            except (KafkaError, OSError) as error:
                why = {"error": type(error).__name__, "complaint": complaints.last}
                _log.warning("not read", action="traccar_kafka.failed", topic=self._topic, **why)
            finally:
                await self._window.close()
                await consumer.stop()
            await self._clock.sleep_s(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            read = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=BATCH)
            payloads = [record.value or b"" for records in read.values() for record in records]
            if not payloads:
                continue
            said = [Message(self._said_on, payload) for payload in payloads]
            await self._window.admit(said, lambda message: len(message.payload))
            await consumer.commit()

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            self._topic,
            **self._kafka.servers.options(),
            group_id=self._said_on.replace("/", "."),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # So soon a topic is noticed that Traccar makes with its first message.
            metadata_max_age_ms=_NOTICE_MS,
        )
