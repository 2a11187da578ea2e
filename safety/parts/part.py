"""Part: what a part of Vigil is to whoever runs it, and the ground that all of them stand on."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from devices.clock import Clock
from ingest.right_of_way import RightOfWay
from safety.config import Settings
from safety.store.database import Database
from safety.wakes import Wakes

Tasks = list[tuple[str, Coroutine[Any, Any, None]]]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What every part stands on: where its data is, the settings, the store, the clock, its figures.

    `wakes` reaches all who wait for a change of the store; on the `way` alarms go first. `alone`: the parts
    are all in this one process.
    """

    data_dir: Path
    settings: Settings
    database: Database
    clock: Clock
    wakes: Wakes
    way: RightOfWay
    alone: bool
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)


class Part(Protocol):
    """One of ingest, process, route and console."""

    async def open(self) -> None:
        """Make ready what its tasks need."""

    def tasks(self) -> Tasks:
        """Return all that runs in it, by name; none of it ends by itself."""

    async def until_ready(self) -> None:
        """Wait until it does its work."""

    async def close(self) -> None:
        """Write down what must not be forgotten, and release the files; the tasks have ended."""

    async def check(self) -> Mapping[str, str]:
        """Return `ok`, or what is wrong, for each thing it does."""
