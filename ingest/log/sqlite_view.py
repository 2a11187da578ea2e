"""SqliteLogView: the embedded log as another process reads it, while it is written or afterwards."""

from collections.abc import Sequence
from pathlib import Path

from devices.clock import Clock
from ingest.errors import LogError
from ingest.log.port import Entry, NewEntry
from ingest.log.sqlite_reader import SqliteReader

POLL_S = 0.02


class SqliteLogView:
    """Reads the log in `directory` and never writes: `vigil replay` beside a running service.

    `wait` looks every `POLL_S` seconds, since the writer is elsewhere.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._clock = clock
        self._reader = SqliteReader(directory)

    def partitions(self, topic: str) -> int:
        return self._reader.partitions(topic)

    async def append(self, topic: str, entries: Sequence[NewEntry]) -> None:
        raise LogError(f"topic {topic} is open for reading only: append through the process that writes it")

    async def read(self, topic: str, partition: int, after: int, limit: int) -> list[Entry]:
        return await self._reader.read(topic, partition, after, limit)

    async def wait(self, topic: str, partition: int, after: int, timeout_s: float) -> bool:
        deadline_s = self._clock.monotonic_s() + timeout_s
        while not (found := await self._reader.end(topic, partition) > after):
            left_s = deadline_s - self._clock.monotonic_s()
            if left_s <= 0:
                break
            await self._clock.sleep_s(min(POLL_S, left_s))
        return found

    async def end(self, topic: str, partition: int) -> int:
        return await self._reader.end(topic, partition)

    async def forget(self, topic: str, before_ms: int) -> int:
        raise LogError(f"topic {topic} is open for reading only: forget through the process that writes it")

    async def close(self) -> None:
        await self._reader.close()
