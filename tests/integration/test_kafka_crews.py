"""Two processes share the partitions of a Kafka; one dies, and no alert is lost or raised twice."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random

import pytest
from prometheus_client import CollectorRegistry

from devices.clock import SystemClock
from ingest.lanes import ALARMS
from ingest.log.kafka import KafkaEventLog
from ingest.log.kafka_servers import KafkaServers
from ingest.log.port import BEGINNING
from safety.runner import Runner, RunnerMetrics
from safety.store.database import Database
from tests.support.crews import Crews, crews, pressed_without_end
from tests.support.kafka import Kafka, prepared
from tests.support.postgres import Postgres
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

PARTITIONS = 4


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = Database(postgres.store())
    yield database
    database.close()


@pytest.fixture
async def servers(kafka_cluster: Kafka) -> KafkaServers:
    return await prepared(kafka_cluster, PARTITIONS)


@pytest.fixture
async def log_and_crews(
    kafka_cluster: Kafka, servers: KafkaServers, database: Database
) -> AsyncIterator[tuple[KafkaEventLog, Crews]]:
    log = await KafkaEventLog.open(servers, SystemClock())
    with crews(kafka_cluster.url, servers, database.url, database) as made:
        yield log, made
    await log.close()


@asynccontextmanager
async def pressing(crew: Crews, log: KafkaEventLog, pressed: list[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(pressed_without_end(crew, log, pressed, "a"))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def each_has_one(crew: Crews, pressed: list[str]) -> None:
    """Wait until every alarm has an alert; then there is one of each and no more."""

    def none_is_missing() -> bool:
        # What was being appended when the test stopped pressing may be there as well.
        missing = sorted(set(pressed) - set(crew.found().by_nurse))
        assert not missing, f"{len(missing)} of {len(pressed)} alarms have no alert: {missing[:10]}"
        return True

    await eventually(none_is_missing, what="every alarm has an alert")
    found = crew.found()
    assert set(found.by_nurse.values()) == {1}
    assert found.raised == len(found.by_nurse)


async def until_shared(crew: Crews, *names: str) -> None:
    def shared() -> bool:
        owners = crew.owners()
        return len(owners) == PARTITIONS and set(owners.values()) == set(names)

    await eventually(shared, what=f"{names} share the partitions")


async def test_a_killed_process_leaves_no_alarm_behind(log_and_crews: tuple[KafkaEventLog, Crews]) -> None:
    log, crew = log_and_crews
    pressed: list[str] = []
    crew.start("one")
    crew.start("two")
    async with pressing(crew, log, pressed):
        await until_shared(crew, "one", "two")
        await eventually(lambda: len(crew.found().by_nurse) > 50, what="both work")
        crew.end("one", signal.SIGKILL)
        await until_shared(crew, "two")
        before = len(pressed)
        await eventually(lambda: len(pressed) > before + 50, what="more alarms")
    await each_has_one(crew, pressed)
    assert crew.running()


async def test_a_partition_is_taken_over_by_who_has_not_seen_its_end(
    log_and_crews: tuple[KafkaEventLog, Crews], servers: KafkaServers, database: Database
) -> None:
    log, crew = log_and_crews
    clock = SystemClock()
    metrics = RunnerMetrics(CollectorRegistry())
    async with AsyncExitStack() as stack:
        another = await KafkaEventLog.open(servers, clock)
        stack.push_async_callback(another.close)
        assert await another.end(ALARMS, 0) == BEGINNING
        await crew.tick(log)
        first = Runner(ALARMS, 0, log, database, clock, metrics, lambda: None, "one")
        await first.load()
        assert await first.step() == 1
        await first.checkpoint()

        second = Runner(ALARMS, 0, another, database, clock, metrics, lambda: None, "two")
        await second.load()
        assert second.offset == first.offset


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", range(6))
async def test_whatever_becomes_of_the_processes_each_alarm_has_one_alert(
    log_and_crews: tuple[KafkaEventLog, Crews], seed: int
) -> None:
    """Kill, stop and halt them in turn; a halted one wakes up in the belief that it owns what it had."""
    log, crew = log_and_crews
    random = Random(seed)
    pressed: list[str] = []
    working = ["one", "two", "three"]
    for name in working:
        crew.start(name, static=name == "three")
    async with pressing(crew, log, pressed):
        await until_shared(crew, *working)
        for _ in range(8):
            name = random.choice(working)
            others = [other for other in working if other != name]
            match random.choice(["kill", "stop", "halt"]):
                case "halt":
                    crew.halt(name)
                    await until_shared(crew, *others)
                    crew.go_on(name)
                case how:
                    crew.end(name, signal.SIGKILL if how == "kill" else signal.SIGTERM)
                    await until_shared(crew, *others)
                    crew.start(name, static=name == "three")
            await until_shared(crew, *working)
            before = len(pressed)
            await eventually(lambda before=before: len(pressed) > before + 20, what="more alarms")  # type: ignore[misc]  # a default
    await each_has_one(crew, pressed)
    assert crew.running()
