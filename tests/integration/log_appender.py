"""A process that appends to a log and prints what was acknowledged, to be killed at any instant."""

import asyncio
import os
import sys
from pathlib import Path
from random import Random

from devices.clock import SystemClock
from ingest.lanes import LANES
from ingest.log.port import NewEntry
from ingest.log.sqlite import SqliteEventLog

PARTITIONS = 2
CALLERS = 8


async def append_for_ever(log: SqliteEventLog, topic: str, caller: str, random: Random) -> None:
    """Append numbered batches; print `topic caller last_number` once each batch is durable."""
    number = 0
    while True:
        batch = range(number, number + random.randint(1, 5))
        padding = b" " * random.randint(0, 3000)
        await log.append(topic, [NewEntry(caller, b"%d" % each + padding) for each in batch])
        number = batch[-1] + 1
        # One unbuffered write: what was printed before the kill is in the pipe, whole lines only.
        os.write(sys.stdout.fileno(), f"{topic} {caller} {number - 1}\n".encode())


async def main(directory: Path, seed: int) -> None:
    random = Random(seed)
    log = SqliteEventLog(directory, SystemClock(), PARTITIONS)
    async with asyncio.TaskGroup() as group:
        for topic in LANES:
            for number in range(CALLERS):
                caller = f"{seed}-{number}"
                group.create_task(
                    append_for_ever(log, topic, caller, Random(random.getrandbits(32))), name=caller
                )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
