"""LagWatch: how far every partition is behind, whoever works on it; and whether anybody does."""

from collections.abc import Mapping

import structlog
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.lanes import LANES
from ingest.log.port import BEGINNING, EventLog
from safety.store.database import Database
from safety.store.tables import checkpoints

EVERY_S = 5.0
MAX_LAG = 10_000
"""Entries that a partition may be behind its end. A checkpoint is five seconds old, so some are no sign."""
STILL_S = 30.0
"""How long there may be something to do and no checkpoint. A tick a second is enough to do."""

_log = structlog.get_logger(__name__)

_Place = tuple[str, int]


class LagWatch:
    """Compares the log's ends with the checkpoints in the store.

    A runner's own figure ends with the runner; this one goes on when a partition has nobody.
    """

    def __init__(self, log: EventLog, database: Database, clock: Clock, registry: CollectorRegistry) -> None:
        self._event_log = log
        self._database = database
        self._clock = clock
        self._behind = Gauge(
            "vigil_partition_lag",
            "Log entries behind the newest checkpoint",
            ["lane", "partition"],
            registry=registry,
        )
        self._seen: dict[_Place, tuple[int, float]] = {}
        self._unwell: dict[_Place, str] = {}
        self._unknown: str | None = None

    @property
    def verdict(self) -> str:
        """`ok`, or the first thing that is wrong, and how many are."""
        if self._unknown is not None:
            return self._unknown
        if not self._unwell:
            return "ok"
        first = min(self._unwell)
        others = len(self._unwell) - 1
        return self._unwell[first] + (f", and {others} more partitions" if others else "")

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look()
                self._unknown = None
            except (LogUnavailable, SQLAlchemyError) as error:
                self._unknown = "how far partitions are behind is unknown"
                _log.warning("lag is unknown", action="lag_unknown", error=str(error))
            await self._clock.sleep_s(EVERY_S)

    async def look(self) -> None:
        """Look once at every partition.

        Raises:
            LogUnavailable: the log's ends are unknown.
        """
        reached = await self._database.read(_reached)
        for lane in LANES:
            for partition in range(self._event_log.partitions(lane)):
                place = lane, partition
                end = await self._event_log.end(lane, partition)
                self._judge(place, end, reached.get(place, BEGINNING))

    def _judge(self, place: _Place, end: int, reached: int) -> None:
        lane, partition = place
        behind = max(0, end - reached)
        self._behind.labels(lane, partition).set(behind)
        now_s = self._clock.monotonic_s()
        last, since_s = self._seen.get(place, (None, now_s))
        if reached != last or not behind:
            since_s = now_s
        self._seen[place] = reached, since_s
        still_s = now_s - since_s
        wrong = None
        if still_s >= STILL_S:
            wrong = f"nobody works on partition {partition} of {lane}: {behind} entries wait"
        elif behind > MAX_LAG:
            wrong = f"partition {partition} of {lane} is {behind} entries behind"
        self._tell(place, wrong, behind)

    def _tell(self, place: _Place, wrong: str | None, behind: int) -> None:
        """Log what has become wrong or right since the last look, once."""
        lane, partition = place
        if wrong is not None and place not in self._unwell:
            _log.error("partition is behind", action="lag", lane=lane, partition=partition, behind=behind)
        elif wrong is None and place in self._unwell:
            _log.info("partition has caught up", action="lag_over", lane=lane, partition=partition)
        self._unwell.pop(place, None)
        if wrong is not None:
            self._unwell[place] = wrong


def _reached(connection: Connection) -> Mapping[_Place, int]:
    rows = connection.execute(select(checkpoints.c.lane, checkpoints.c.partition, checkpoints.c.offset))
    return {(row.lane, row.partition): row.offset for row in rows}
