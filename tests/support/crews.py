"""Crews that share the partitions of one log: processes to kill and halt, and what became of the alarms."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from devices import reports
from devices.clock import SystemClock
from ingest.lanes import ALARMS, LANES
from ingest.log.kafka import KafkaEventLog
from ingest.log.kafka_servers import KafkaServers
from ingest.log.port import NewEntry
from ingest.records import Arrival, Tick, encode
from safety.store.database import Database
from safety.store.tables import alerts, claims, timeline
from tests.support.kafka import ends_with_us
from tests.support.waiting import PATIENCE_S

_SCRIPT = Path(__file__).with_name("crew_process.py")


class Found(NamedTuple):
    """What the store holds: alerts by nurse, and how many entries of `raised` there are in all."""

    by_nurse: dict[str, int]
    raised: int


class Crews:
    """The processes by name, on one log and one store."""

    def __init__(self, url: str, servers: KafkaServers, store: str, database: Database) -> None:
        self._url = url
        self._servers = servers
        self._store = store
        self._database = database
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._clock = SystemClock()

    def start(self, name: str, *, static: bool = False) -> None:
        options = {
            "--kafka": self._url,
            "--prefix": self._servers.prefix,
            "--store": self._store,
            "--name": name,
        }
        arguments = [word for option in options.items() for word in option]
        command = [sys.executable, str(_SCRIPT), *arguments, *(["--static"] if static else [])]
        # The code of this checkout, wherever the packages were installed from.
        here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self._processes[name] = subprocess.Popen([*ends_with_us(), *command], env=here)

    def end(self, name: str, how: signal.Signals) -> None:
        """Kill or stop one, and wait for its end."""
        process = self._processes.pop(name)
        process.send_signal(how)
        process.wait(timeout=PATIENCE_S)

    def halt(self, name: str) -> None:
        self._processes[name].send_signal(signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        self._processes[name].send_signal(signal.SIGCONT)

    def running(self) -> bool:
        """Tell whether none has ended by itself."""
        return all(process.poll() is None for process in self._processes.values())

    def end_all(self) -> None:
        for name in list(self._processes):
            self.end(name, signal.SIGKILL)

    def owners(self) -> dict[int, str]:
        """Who has claimed each partition of the alarms last."""
        with self._database.reading() as connection:
            newest = select(claims.c.partition, claims.c.owner).where(claims.c.lane == ALARMS)
            return {row.partition: row.owner for row in connection.execute(newest)}

    async def press(self, log: KafkaEventLog, nurses: Sequence[str]) -> None:
        """Append a panic of each of `nurses`, as ingest does."""
        now_ms = self._clock.now_ms()
        entries = [
            NewEntry(
                nurse,
                encode(
                    Arrival(
                        device=f"dev_{nurse}",
                        nurse=nurse,
                        org="org_1",
                        received_ms=now_ms,
                        report=reports.PanicPressed(seq=1, time_ms=now_ms, alarm=nurse),
                    )
                ),
            )
            for nurse in nurses
        ]
        for lane in LANES:
            await log.append(lane, entries)

    async def tick(self, log: KafkaEventLog) -> None:
        value = encode(Tick(self._clock.now_ms()))
        for lane in LANES:
            count = log.partitions(lane)
            await log.append(lane, [NewEntry("", value, partition) for partition in range(count)])

    def found(self) -> Found:
        with self._database.reading() as connection:
            each = select(alerts.c.nurse, func.count()).group_by(alerts.c.nurse)
            said = select(func.count()).select_from(timeline).where(timeline.c.what == "raised")
            counted = {row[0]: row[1] for row in connection.execute(each)}
            return Found(counted, connection.execute(said).scalar_one())


@contextmanager
def crews(url: str, servers: KafkaServers, store: str, database: Database) -> Iterator[Crews]:
    """Crews whose processes end with the test."""
    made = Crews(url, servers, store, database)
    try:
        yield made
    finally:
        made.end_all()


async def pressed_without_end(crew: Crews, log: KafkaEventLog, pressed: list[str], label: str) -> None:
    """Press for one nurse after the other until cancelled; `pressed` are those whose alarm is durable."""
    clock = SystemClock()
    number = 0
    while True:
        nurses = [f"nur_{label}{number + ahead}" for ahead in range(5)]
        number += 5
        await crew.press(log, nurses)
        pressed += nurses
        await crew.tick(log)
        await clock.sleep_s(0.02)
