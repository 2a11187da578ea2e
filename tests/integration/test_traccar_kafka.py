"""A Traccar server's forwarder through a real Kafka: what is admitted counts as read, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import CollectorRegistry

from devices.clock import SystemClock
from devices.codecs.dialects import DIALECTS
from devices.registry.memory import MemoryDeviceRegistry
from devices.registry.port import Device
from ingest.admission import Admission
from ingest.errors import LogUnavailable
from ingest.lanes import ALARMS, DEAD_LETTERS
from ingest.log.memory import MemoryEventLog
from ingest.log.port import BEGINNING
from ingest.message import Message
from ingest.metrics import IngestMetrics
from ingest.records import Arrival
from ingest.traccar_kafka import TraccarKafka, TraccarTopic
from tests.support.kafka import Kafka
from tests.support.samples import sample
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
TRACKER = Device(
    id="dev_t", kind="button", org="org_a", nurse="nur_a", codec="traccar", external_id="861510000000007"
)
GATEWAY = Device(id="gtw_t", kind="gateway", org="org_a", nurse=None, codec="traccar")


class Desk:
    """An admission with a log that can be read."""

    def __init__(self) -> None:
        self.log = MemoryEventLog(CLOCK)
        registry = MemoryDeviceRegistry()
        registry.add(TRACKER)
        registry.add(GATEWAY)
        self.admission = Admission(registry, DIALECTS, self.log, CLOCK, IngestMetrics(CollectorRegistry()))

    def count(self, lane: str) -> int:
        return len(self.log._topic(lane).kept[0])

    async def alarms(self) -> list[Arrival]:
        entries = await self.log.read(ALARMS, 0, BEGINNING, 100)
        return [msgspec.msgpack.decode(entry.value, type=Arrival) for entry in entries]


class Outage:
    """An admission while the log is out."""

    def __init__(self) -> None:
        self.asked = 0

    async def admit_all(self, messages: Sequence[Message]) -> None:
        self.asked += 1
        raise LogUnavailable("out")


@asynccontextmanager
async def reading(kafka: TraccarKafka, admission: Admission | Outage) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in TraccarTopic.both(kafka, admission, CLOCK)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def made(cluster: Kafka) -> TraccarKafka:
    """Make the topics as Traccar's Kafka has them."""
    kafka = TraccarKafka.parse(f"{cluster.url}?gateway=gtw_t&positions=fwd-positions&events=fwd-events")
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1) for name in (kafka.positions, kafka.events)])
    await admin.close()
    return kafka


async def forward(cluster: Kafka, *messages: tuple[str, bytes | None]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=cluster.servers)
    await producer.start()
    try:
        for topic, payload in messages:
            await producer.send_and_wait(topic, payload, key=b"1")
    finally:
        await producer.stop()


async def counted(cluster: Kafka, **read: int) -> None:
    """Wait until so many messages of each channel count as read: a moment after they are durable."""
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.servers)
    await admin.start()

    async def found() -> bool:
        offsets = {name: await admin.list_consumer_group_offsets(f"traccar.gtw_t.{name}") for name in read}
        return {name: sum(one.offset for one in told.values()) for name, told in offsets.items()} == read

    try:
        await eventually(found, what=f"{read} count as read")
    finally:
        await admin.close()


async def test_what_traccar_forwards_counts_as_read_once_it_is_durable(kafka_cluster: Kafka) -> None:
    kafka = await made(kafka_cluster)
    sos, event = sample("traccar", "position-sos").payload, sample("traccar", "event-sos").payload
    await forward(kafka_cluster, (kafka.positions, sos), (kafka.events, event))
    outage = Outage()
    async with reading(kafka, outage):
        await eventually(lambda: outage.asked >= 2)

    desk = Desk()
    await forward(kafka_cluster, (kafka.positions, None), (kafka.positions, b"{"))
    async with reading(kafka, desk.admission):
        await eventually(lambda: desk.count(ALARMS) == 2 and desk.count(DEAD_LETTERS) == 2)
        await counted(kafka_cluster, events=1, positions=3)
    pressed = await desk.alarms()
    assert {(one.device, one.nurse) for one in pressed} == {("dev_t", "nur_a")}
    assert len({getattr(one.report, "alarm", None) for one in pressed}) == 1

    later = Desk()  # what was read before does not come again
    await forward(kafka_cluster, (kafka.positions, sos), (kafka.events, event))
    async with reading(kafka, later.admission):
        await eventually(lambda: later.count(ALARMS) >= 2)
    assert await later.log.end(DEAD_LETTERS, 0) == BEGINNING
    assert len(await later.alarms()) == 2


@pytest.mark.parametrize(
    "url",
    [
        "kafka://host:9092",
        "kafka://host:9092?gateway=",
        "kafka://host:9092?gateway=a/b",
        "host:9092?gateway=gtw_t",
    ],
)
def test_a_url_that_cannot_be_used_says_what_was_expected(url: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        TraccarKafka.parse(url)
