"""A crew in a process of its own, dealt partitions by Kafka, to be killed or halted at any instant."""

import argparse
import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from prometheus_client import CollectorRegistry

from devices.clock import SystemClock
from ingest.lanes import DEAD_LETTERS, LANES
from ingest.log.kafka import KafkaEventLog
from ingest.log.kafka_group import KafkaAssignments
from ingest.log.kafka_servers import KafkaServers
from safety.crew import Crew, Worker
from safety.dead_letters import DeadLetterDesk
from safety.runner import Runner, RunnerMetrics
from safety.store.database import Database


async def main(options: argparse.Namespace) -> None:
    servers = KafkaServers.parse(options.kafka, options.prefix)
    clock = SystemClock()
    database = Database(options.store)
    log = await KafkaEventLog.open(servers, clock)
    metrics = RunnerMetrics(CollectorRegistry())

    def runner(lane: str, partition: int) -> Runner:
        return Runner(lane, partition, log, database, clock, metrics, lambda: None, options.name)

    def posts_of(partition: int) -> dict[str, Callable[[], Worker]]:
        return {
            **{lane: partial(runner, lane, partition) for lane in LANES},
            DEAD_LETTERS: partial(DeadLetterDesk, partition, log, database, clock),
        }

    member = options.name if options.static else None
    assignments = KafkaAssignments(servers, clock, member=member, session_s=options.session_s)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await Crew(posts_of, clock).run(assignments)
    finally:
        await log.close()
        database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("kafka", "prefix", "store", "name"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--session-s", type=float, default=2.5)
    parser.add_argument("--static", action="store_true")
    asyncio.run(main(parser.parse_args()))
