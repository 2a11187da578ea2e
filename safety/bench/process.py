"""`vigil bench process`: fixes from the log through the engine into the store, as `vigil process` does it.

The floor, in the same run and on the same entries: reading them and decoding each with msgspec. With
`VIGIL_KAFKA_URL` the log is there, under a prefix of its own, and the floor is aiokafka's bare `getmany`;
without it the log is the embedded one. With `VIGIL_DATABASE_URL` the store is on that PostgreSQL, in a
database of its own. As in `vigil bench engine` everybody has been heard for a minute before, and what is
timed takes over from a checkpoint. Rates are for each second of this process's processor, all its threads
together.
"""

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from devices.clock import SystemClock
from devices.identity import new_id
from ingest.lanes import TELEMETRY
from ingest.log.kafka import KafkaEventLog
from ingest.log.kafka_clients import KafkaClients
from ingest.log.kafka_servers import KafkaServers
from ingest.log.kafka_topics import log_topics, prepare_topics
from ingest.log.port import EventLog, NewEntry
from ingest.log.sqlite import SqliteEventLog
from ingest.records import encode
from safety.bench.engine import SETTLING
from safety.bench.engine_world import EVERY_MS, T0_MS, World, make_world
from safety.bench.errors import BenchFailed
from safety.bench.report import Row, at_least, report, row
from safety.config import load_settings
from safety.engine import decode
from safety.runner import BATCH, Runner, RunnerMetrics
from safety.store.database import Database, database_url, open_engine
from safety.store.migrate import migrate
from safety.store.tables import positions, tracks
from safety.store.track_days import make_days

NURSES = 5_000
ROUNDS = 30
_SHARED_FENCES = 500
_KEEP_DAYS = 36_500.0

Reading = Callable[[int, int], Awaitable[None]]
"""Reads and decodes the entries above one offset up to another."""


class _Ground(NamedTuple):
    log: EventLog
    what: str
    read_bare: Reading


def run(nurses: int = NURSES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure the way from the log to the store; returns the report."""
    with tempfile.TemporaryDirectory() as directory:
        return report(
            "process", asyncio.run(_measure(Path(directory), make_world(nurses, _SHARED_FENCES), rounds))
        )


async def _measure(directory: Path, world: World, rounds: int) -> list[Row]:
    clock = SystemClock()
    settings = load_settings(directory)
    kafka, configured = settings.kafka_url, settings.database_url
    ground = _embedded(directory, clock) if kafka is None else _on_kafka(kafka, clock)
    with _store(directory, configured) as (database, where):
        migrate(database.engine)
        with database.writing() as connection:
            make_days(connection, T0_MS)
        async with ground as (log, what, read_bare):
            await _append(log, [encode(world.org), *map(encode, world.nurses)])
            for number in range(-SETTLING, 0):
                await _append(log, [*world.fixes(number), world.tick(number)])
            told = await log.end(TELEMETRY, 0)
            runner = await _settled(log, database, clock, told)
            for number in range(rounds):
                await _append(log, [*world.fixes(number), world.tick(number)])
            end = await log.end(TELEMETRY, 0)
            fixes = rounds * len(world.nurses)
            began_s = clock.cpu_s()
            await read_bare(told, end)
            floor = fixes / (clock.cpu_s() - began_s)
            began_s, began_wall_s = clock.cpu_s(), clock.monotonic_s()
            await _until(runner, end)
            rate = fixes / (clock.cpu_s() - began_s)
            wall_rate = fixes / (clock.monotonic_s() - began_wall_s)
            gc.unfreeze()
        _check(database, len(world.nurses), rounds)
    speed = at_least(f"fixes a second and core, from {what} to {where}", rate, "1/s", 30_000)
    return [
        {**speed, "floor": round(floor), "ratio": round(rate / floor, 2)},
        at_least("share of the floor's speed", rate / floor, "", 0.5),
        row("the same by the clock on the wall", wall_rate, "1/s"),
    ]


@contextmanager
def _store(directory: Path, configured: str | None) -> Iterator[tuple[Database, str]]:
    """Open an empty store, and say where it is: a file, or a new database beside the one `configured`."""
    if configured is None:
        with closing(Database(database_url(directory))) as database:
            yield database, "SQLite"
        return
    server = open_engine(configured)
    name = new_id("bench")

    def run(statement: str) -> None:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(statement)

    run(f'CREATE DATABASE "{name}"')
    try:
        with closing(
            Database(server.url.set(database=name).render_as_string(hide_password=False))
        ) as database:
            yield database, "PostgreSQL"
    finally:
        run(f'DROP DATABASE "{name}"')
        server.dispose()


async def _settled(log: EventLog, database: Database, clock: SystemClock, offset: int) -> Runner:
    """Return a runner that takes over at `offset`, where everybody has been heard for a minute."""

    def make() -> Runner:
        metrics = RunnerMetrics(CollectorRegistry())
        return Runner(TELEMETRY, 0, log, database, clock, metrics, lambda: None)

    before, after = make(), make()
    await before.load()
    await _until(before, offset)
    await before.checkpoint()
    await after.load()
    if after.offset != offset:
        raise BenchFailed("there is no checkpoint to take over from")
    return after


def _check(database: Database, nurses: int, rounds: int) -> None:
    """See that all of it is stored: where everybody is now, and each point of her track.

    Raises:
        BenchFailed: something is missing.
    """
    last_ms = T0_MS + EVERY_MS * rounds
    with database.reading() as connection:
        placed = connection.execute(select(func.count()).where(positions.c.time_ms == last_ms)).scalar_one()
        points = connection.execute(select(func.count()).select_from(tracks)).scalar_one()
    if (placed, points) != (nurses, nurses * (SETTLING + rounds)):
        raise BenchFailed(
            f"of {nurses} nurses {placed} are where they were last, with {points} points in all"
        )


async def _until(runner: Runner, offset: int) -> None:
    while runner.offset < offset:
        await runner.step()


async def _append(log: EventLog, values: Sequence[bytes]) -> None:
    for start in range(0, len(values), BATCH):
        await log.append(TELEMETRY, [NewEntry("", value, 0) for value in values[start : start + BATCH]])


@asynccontextmanager
async def _embedded(directory: Path, clock: SystemClock) -> AsyncIterator[_Ground]:
    log = SqliteEventLog(directory / "log", clock)

    async def read_bare(after: int, end: int) -> None:
        while after < end:
            entries = await log.read(TELEMETRY, 0, after, BATCH)
            for entry in entries:
                decode(entry.value)
            after = entries[-1].offset

    try:
        yield _Ground(log, "the embedded log", read_bare)
    finally:
        await log.close()


@asynccontextmanager
async def _on_kafka(url: str, clock: SystemClock) -> AsyncIterator[_Ground]:
    servers = KafkaServers.parse(url, f"{new_id('bench')}.")
    topics = log_topics(1, _KEEP_DAYS)
    await prepare_topics(servers, clock, topics)
    log = await KafkaEventLog.open(servers, clock)

    async def read_bare(after: int, end: int) -> None:
        partition = TopicPartition(servers.name(TELEMETRY), 0)
        consumer = AIOKafkaConsumer(**servers.options(), enable_auto_commit=False)
        await consumer.start()
        consumer.assign([partition])
        consumer.seek(partition, after + 1)
        while after < end:
            for record in (await consumer.getmany(timeout_ms=1000)).get(partition, ()):
                decode(record.value)
                after = record.offset
        await consumer.stop()

    try:
        yield _Ground(log, "Kafka", read_bare)
    finally:
        await log.close()
        async with KafkaClients(servers).admin() as admin:
            await admin.delete_topics([servers.name(topic.name) for topic in topics])
