"""Opens the event log for a process: to write in it, to run the engine over it, or both."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog

from ingest.errors import LogUnavailable
from ingest.lanes import DEAD_LETTERS, LANES, TELEMETRY
from ingest.log.assignment import AllPartitions, Assignments
from ingest.log.kafka import KafkaEventLog
from ingest.log.kafka_group import KafkaAssignments
from ingest.log.kafka_servers import KafkaServers
from ingest.log.port import EventLog
from ingest.log.sqlite import SqliteEventLog
from ingest.log.sqlite_file import lock_file
from ingest.log.sqlite_view import SqliteLogView
from safety.parts.part import Ground

TOPICS = (*LANES, DEAD_LETTERS)
_LOOK_EVERY_S = 0.5
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_log(ground: Ground, *, writes: bool, engine: bool) -> AsyncIterator[EventLog]:
    """Open the log; `writes` to append to it, `engine` to run the engine over it.

    Of the embedded log one process at a time may do either; one that does not write waits for the files.

    Raises:
        LogInUse: another process does it already.
        LogUnavailable: Kafka cannot be reached.
        LogError: it cannot be used.
    """
    async with AsyncExitStack() as stack:
        log: EventLog
        if (kafka := _kafka(ground)) is not None:
            log = await KafkaEventLog.open(kafka, ground.clock)
            stack.push_async_callback(log.close)
        else:
            log = await _open_embedded(ground, stack, writes=writes, engine=engine)
        yield log


def assignments(ground: Ground, log: EventLog) -> Assignments:
    """Return who tells which partitions of `log` this process owns."""
    if (kafka := _kafka(ground)) is None:
        return AllPartitions(log.partitions(TELEMETRY))
    return KafkaAssignments(kafka, ground.clock, member=ground.settings.process_name)


def _kafka(ground: Ground) -> KafkaServers | None:
    settings = ground.settings
    if settings.kafka_url is None:
        return None
    return KafkaServers.parse(settings.kafka_url, settings.kafka_prefix)


def log_directory(data_dir: Path) -> Path:
    """Return where the embedded log is in a service's directory of data."""
    return data_dir / "log"


async def _open_embedded(ground: Ground, stack: AsyncExitStack, *, writes: bool, engine: bool) -> EventLog:
    directory = log_directory(ground.data_dir)
    if engine:
        directory.mkdir(parents=True, exist_ok=True)
        stack.enter_context(lock_file(directory / "engine.lock", f"log {directory} is processed"))
    if not writes:
        view = SqliteLogView(directory, ground.clock)
        stack.push_async_callback(view.close)
        await _until_written(ground, view)
        return view
    log = SqliteEventLog(directory, ground.clock)
    stack.push_async_callback(log.close)
    for topic in TOPICS:
        await log.end(topic, 0)  # makes its file, for those who only read
    return log


async def _until_written(ground: Ground, log: EventLog) -> None:
    """Wait until somebody has made the log that this process only reads."""
    told = False
    while True:
        try:
            for topic in TOPICS:
                log.partitions(topic)
        except LogUnavailable as error:
            if not told:
                _log.warning(
                    "waiting for `vigil ingest` to make the log", action="log_awaited", error=str(error)
                )
                told = True
            await ground.clock.sleep_s(_LOOK_EVERY_S)
        else:
            return
