"""Nodes of a Kafka die, stand still and come back: what was acknowledged is there, in order, and goes on."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from devices.clock import SystemClock
from ingest.errors import LogUnavailable
from ingest.lanes import ALARMS
from ingest.log.kafka import KafkaEventLog
from ingest.log.port import BEGINNING, NewEntry
from tests.support.kafka import Kafka, kafka, prepared
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(400)]

PARTITIONS = 3
PATIENCE_S = 120.0


class Appender:
    """Appends numbers to every partition, each again until it is acknowledged."""

    def __init__(self, log: KafkaEventLog) -> None:
        self._log = log
        self.acknowledged = [0] * PARTITIONS
        self.refused = 0

    async def run(self, partition: int) -> None:
        while True:
            number = b"%d" % self.acknowledged[partition]
            try:
                await self._log.append(ALARMS, [NewEntry("", number, partition)])
            except LogUnavailable:
                self.refused += 1
                await SystemClock().sleep_s(0.1)
            else:
                self.acknowledged[partition] += 1

    async def until_all_go_on(self) -> None:
        before = list(self.acknowledged)

        def went_on() -> bool:
            return all(now > then + 5 for now, then in zip(self.acknowledged, before, strict=True))

        await eventually(went_on, PATIENCE_S, what="every partition is appended to")


async def read_for_ever(log: KafkaEventLog, partition: int, found: list[int]) -> None:
    """Read as a runner does."""
    after = BEGINNING
    while True:
        try:
            entries = await log.read(ALARMS, partition, after, 100)
        except LogUnavailable:
            continue
        if entries:
            after = entries[-1].offset
            found += [int(entry.value) for entry in entries]
        else:
            await log.wait(ALARMS, partition, after, 1.0)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Kafka]:
    with kafka(tmp_path / "kafka", nodes=3) as running:
        yield running


@asynccontextmanager
async def running(cluster: Kafka) -> AsyncIterator[tuple[Appender, list[list[int]]]]:
    servers = await prepared(cluster, PARTITIONS)
    log = await KafkaEventLog.open(servers, SystemClock())
    appender = Appender(log)
    found: list[list[int]] = [[] for _ in range(PARTITIONS)]
    tasks = [asyncio.create_task(appender.run(partition)) for partition in range(PARTITIONS)]
    tasks += [
        asyncio.create_task(read_for_ever(log, partition, found[partition]))
        for partition in range(PARTITIONS)
    ]
    try:
        yield appender, found
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await log.close()
        with warnings.catch_warnings():
            # aiokafka leaves a connection open that it was making when its reader was closed.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


async def all_in_order(appender: Appender, found: list[list[int]]) -> None:
    """What was acknowledged was read, in order; only what had to be said again may be there twice."""
    acknowledged = list(appender.acknowledged)

    def read() -> bool:
        return all(
            numbers and numbers[-1] >= end - 1 for numbers, end in zip(found, acknowledged, strict=True)
        )

    await eventually(read, PATIENCE_S, what="everything is read")
    for numbers, end in zip(found, acknowledged, strict=True):
        assert numbers == sorted(numbers)
        assert set(numbers) >= set(range(end))
    assert sum(len(numbers) - len(set(numbers)) for numbers in found) <= appender.refused


@pytest.mark.parametrize("seed", [1, 2])
async def test_one_node_after_the_other(cluster: Kafka, seed: int) -> None:
    random = Random(seed)
    async with running(cluster) as (appender, found):
        await appender.until_all_go_on()
        for node in random.sample(cluster.nodes, 3):
            how = random.choice(["kill", "stop", "halt"])
            if how == "halt":
                node.pause()
            elif how == "kill":
                node.kill()
            else:
                node.stop()
            await appender.until_all_go_on()
            if how == "halt":
                node.go_on()
            else:
                node.start()
                node.until_listening()
            await appender.until_all_go_on()
        await all_in_order(appender, found)


async def test_a_log_whose_kafka_stands_still_can_be_closed(tmp_path: Path) -> None:
    with kafka(tmp_path / "kafka") as cluster:
        log = await KafkaEventLog.open(await prepared(cluster, PARTITIONS), SystemClock())
        await log.append(ALARMS, [NewEntry("", b"0", 0)])
        assert len(await log.read(ALARMS, 0, BEGINNING, 9)) == 1
        waiting = asyncio.create_task(log.wait(ALARMS, 0, 0, 60))
        cluster.nodes[0].pause()
        hanging = [asyncio.create_task(log.append(ALARMS, [NewEntry("", b"1", n)])) for n in (0, 1)]
        with pytest.raises(LogUnavailable):
            await log.read(ALARMS, 1, 5, 9)
        async with asyncio.timeout(8):
            await log.close()
            outcomes = await asyncio.gather(waiting, *hanging, return_exceptions=True)
        assert outcomes[0] is False
        assert all(isinstance(outcome, LogUnavailable) for outcome in outcomes[1:])
        cluster.nodes[0].go_on()


async def test_without_two_nodes_nothing_is_acknowledged(cluster: Kafka) -> None:
    async with running(cluster) as (appender, found):
        await appender.until_all_go_on()
        for node in cluster.nodes[:2]:
            node.kill()
        refused = appender.refused
        await eventually(lambda: appender.refused > refused + 3, PATIENCE_S, what="appends are refused")
        before = list(appender.acknowledged)
        refused = appender.refused
        await eventually(lambda: appender.refused > refused + 3, PATIENCE_S, what="more are refused")
        assert appender.acknowledged == before
        for node in cluster.nodes[:2]:
            node.start()
        await appender.until_all_go_on()
        await all_in_order(appender, found)


async def test_who_reads_beside_the_writer_goes_on_while_a_node_stands_still(cluster: Kafka) -> None:
    """It takes connections and never answers, so nothing tells a client of it to ask another."""
    servers = await prepared(cluster, PARTITIONS)
    writing, reading = [await KafkaEventLog.open(servers, SystemClock()) for _ in range(2)]
    read_to = [BEGINNING] * PARTITIONS

    async def passes(partition: int, number: int) -> bool:
        entry = NewEntry("", b"%d" % number, partition)
        try:
            await writing.append(ALARMS, [entry])
            while not await reading.wait(ALARMS, partition, read_to[partition], 1.0):
                pass
            entries = await reading.read(ALARMS, partition, read_to[partition], 100)
        except LogUnavailable:
            return False
        read_to[partition] = entries[-1].offset
        return any(one.value == entry.value for one in entries)

    async def all_pass(number: int) -> None:
        for partition in range(PARTITIONS):
            await eventually(
                lambda partition=partition: passes(partition, number),  # type: ignore[misc]  # bound per partition
                PATIENCE_S,
                "what is appended is read",
            )

    await all_pass(0)
    for number, node in enumerate(cluster.nodes, 1):
        node.pause()
        await all_pass(number)
        node.go_on()
    await asyncio.gather(writing.close(), reading.close())
