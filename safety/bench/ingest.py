"""`vigil bench ingest`: messages from a real Mosquitto into the log, each durable before it is acknowledged.

What 2,000 devices say in the native dialect waits in the broker for two readers, at QoS 1: Vigil's own
subscribers, admission and log, as `vigil ingest` has them; and the floor, bare subscribers of the same client
library on the same topics that acknowledge by hand and only count. Both read the very same messages, by
turns. Rates are for each second of the processor, all threads of the reading process together: the broker is
another one, and publishing is over when reading begins. With `VIGIL_KAFKA_URL` the log is there, under a
prefix of its own; without it the log is the embedded one.
"""

import asyncio
import gc
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from devices.clock import SystemClock
from devices.codecs.dialects import DIALECTS
from devices.identity import new_id
from ingest.address import BrokerAddress
from ingest.admission import Admission
from ingest.lanes import TELEMETRY
from ingest.log.kafka import KafkaEventLog
from ingest.log.kafka_clients import KafkaClients
from ingest.log.kafka_servers import KafkaServers
from ingest.log.kafka_topics import log_topics, prepare_topics
from ingest.log.port import EventLog
from ingest.log.sqlite import SqliteEventLog
from ingest.metrics import IngestMetrics
from ingest.subscriber import SUBSCRIBER_LANES, Subscriber
from ingest.subscriber.subscriber import WINDOW
from safety import interpreter
from safety.bench.errors import BenchFailed
from safety.bench.ingest_floor import Counter
from safety.bench.ingest_world import messages, publish, register_devices
from safety.bench.mosquitto import open_mosquitto
from safety.bench.report import Row, at_least, report, row
from safety.config import load_settings
from safety.logs import configure_logs

SHARE = 0.6
"""Of the floor's speed, how much is wanted."""
_KEEP_DAYS = 36_500.0
_LOOK_EVERY_S = 0.01
_PATIENCE_S = 120.0


class Size(NamedTuple):
    """How much is measured: so many `messages` of `devices`, read by both, `rounds` times."""

    devices: int = 2_000
    messages: int = 40_000
    rounds: int = 5


class Spent(NamedTuple):
    """What reading took, in seconds of the processor and of the clock on the wall."""

    cpu_s: float
    wall_s: float


class _Ground(NamedTuple):
    log: EventLog
    what: str


def run(size: Size = Size()) -> dict[str, Any]:  # noqa: B008  a tuple of numbers never changes
    """Measure the way from the broker to the log; returns the report.

    Raises:
        BenchFailed: there is no Mosquitto here, or not all messages came through.
    """
    interval_s = sys.getswitchinterval()
    interpreter.share()
    configure_logs("warning", "text")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            return report("ingest", runner.run(_measure(Path(folder), size)))
    finally:
        structlog.reset_defaults()
        sys.setswitchinterval(interval_s)


async def _measure(directory: Path, size: Size) -> list[Row]:
    clock = SystemClock()
    settings = load_settings(directory)
    url = settings.kafka_url
    ground = _embedded(directory, clock) if url is None else _on_kafka(url, clock, settings.kafka_partitions)
    async with open_mosquitto(directory, clock, WINDOW) as address, ground as (log, what):
        trial = Trial(address, log, clock, size.devices)
        async with trial.counting(), trial.ingesting():
            pass  # from now on the broker keeps for both what comes
        bare: list[Spent] = []
        durable: list[Spent] = []
        for number in range(size.rounds):
            said = list(messages(size.devices, number * size.messages, size.messages))
            await publish(address, said)
            if number % 2:
                durable.append(await trial.ingest(size.messages))
            bare.append(await trial.count(size.messages))
            if not number % 2:
                durable.append(await trial.ingest(size.messages))
        await trial.check(size.rounds * size.messages)
    floor = size.messages / statistics.median(spent.cpu_s for spent in bare)
    rate = size.messages / statistics.median(spent.cpu_s for spent in durable)
    pairs = zip(bare, durable, strict=True)
    share = statistics.median(one.cpu_s / other.cpu_s for one, other in pairs)
    speed = row(f"messages a second and core, from Mosquitto to {what}", rate, "1/s", floor=floor)
    return [
        {**speed, "target": f">= {SHARE:g} x floor", "ok": share >= SHARE},
        at_least("share of the floor's speed", share, "", SHARE),
        row("the same by the clock on the wall", _wall(durable, size), "1/s", floor=_wall(bare, size)),
    ]


class Trial:
    """Two readers of the same messages."""

    def __init__(self, address: BrokerAddress, log: EventLog, clock: SystemClock, devices: int) -> None:
        self._address, self._log, self._clock = address, log, clock
        self._metrics = CollectorRegistry()
        metrics = IngestMetrics(self._metrics)
        self._admission = Admission(register_devices(devices), DIALECTS, log, clock, metrics)

    async def count(self, messages: int) -> Spent:
        """Have the floor read so many messages."""
        began = self._now()
        async with self.counting() as counters:
            await self._until(lambda: sum(counter.heard for counter in counters) >= messages)
            return self._since(began)

    async def ingest(self, messages: int) -> Spent:
        """Have ingest read so many messages and make them durable."""
        wanted = self._durable() + messages
        began = self._now()
        async with self.ingesting() as subscribers:
            await self._until(
                lambda: self._durable() >= wanted and not any(one.in_window for one in subscribers)
            )
            return self._since(began)

    async def check(self, messages: int) -> None:
        """Look whether all of so many messages are in the log.

        Raises:
            BenchFailed: they are not.
        """
        ends = [await self._log.end(TELEMETRY, one) for one in range(self._log.partitions(TELEMETRY))]
        if (logged := sum(end + 1 for end in ends)) != messages:
            raise BenchFailed(f"{messages} messages came to {logged} entries of the log")

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[list[Counter]]:
        """Bare subscribers, a connection for each lane as ingest has them."""
        counters = [
            Counter(self._address, f"bench-{lane.name}", lane.filters, WINDOW) for lane in SUBSCRIBER_LANES
        ]
        for counter in counters:
            await counter.open()
        yield counters
        for counter in counters:
            await counter.close()

    @asynccontextmanager
    async def ingesting(self) -> AsyncIterator[list[Subscriber]]:
        """Ingest's subscribers."""
        subscribers = [
            Subscriber(self._address, lane, self._admission, self._clock) for lane in SUBSCRIBER_LANES
        ]
        tasks = [asyncio.create_task(one.run()) for one in subscribers]
        async with asyncio.timeout(_PATIENCE_S):
            for one in subscribers:
                await one.until_connected()
        yield subscribers
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _durable(self) -> int:
        lane = {"lane": TELEMETRY}  # holds all reports, those of the alarms as well
        return int(self._metrics.get_sample_value("vigil_ingest_events_total", lane) or 0)

    async def _until(self, done: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not done():
                    await self._clock.sleep_s(_LOOK_EVERY_S)
        except TimeoutError as error:
            raise BenchFailed(f"not all messages came through in {_PATIENCE_S:g} s") from error

    def _now(self) -> Spent:
        gc.collect()
        return Spent(self._clock.cpu_s(), self._clock.monotonic_s())

    def _since(self, began: Spent) -> Spent:
        return Spent(self._clock.cpu_s() - began.cpu_s, self._clock.monotonic_s() - began.wall_s)


def _wall(spent: list[Spent], size: Size) -> float:
    return size.messages / statistics.median(one.wall_s for one in spent)


@asynccontextmanager
async def _embedded(directory: Path, clock: SystemClock) -> AsyncIterator[_Ground]:
    log = SqliteEventLog(directory / "log", clock)
    try:
        yield _Ground(log, "the embedded log")
    finally:
        await log.close()


@asynccontextmanager
async def _on_kafka(url: str, clock: SystemClock, partitions: int) -> AsyncIterator[_Ground]:
    servers = KafkaServers.parse(url, f"{new_id('bench')}.")
    topics = log_topics(partitions, _KEEP_DAYS)
    await prepare_topics(servers, clock, topics)
    log = await KafkaEventLog.open(servers, clock)
    try:
        yield _Ground(log, "Kafka")
    finally:
        await log.close()
        async with KafkaClients(servers).admin() as admin:
            await admin.delete_topics([servers.name(topic.name) for topic in topics])
