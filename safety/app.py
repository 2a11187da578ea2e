"""Wires the parts: all of them for `vigil up`, one each for `vigil ingest`, `process`, `route` and `console`.

`Service.tasks` lists what runs; with all parts, in the order in which a panic passes through it.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from socket import socket
from typing import NamedTuple

from fastapi import FastAPI

from ingest.address import BrokerAddress
from ingest.gateway.routes import Gateway
from safety.api.outpost import create_outpost
from safety.api.server import serve
from safety.health import PartsHealth
from safety.parts.console import ConsolePart
from safety.parts.ingest import IngestPart
from safety.parts.logs import assignments, open_log
from safety.parts.part import Ground, Part, Tasks
from safety.parts.process import ProcessPart
from safety.parts.route import RoutePart, routing
from safety.store.carry_over import carry_over


class Service(NamedTuple):
    """The parts of one process, and the application that it serves over HTTP."""

    ground: Ground
    parts: Sequence[Part]
    app: FastAPI

    def tasks(self, http: socket, started: Callable[[int], None]) -> Tasks:
        """Return everything that runs, by name; `http` listens already, and `started` is told its port."""
        return [
            *(task for part in self.parts for task in part.tasks()),
            ("wakes", self.ground.wakes.run()),
            ("carry-over", carry_over(self.ground.database, self.ground.clock, self.ground.way)),
            ("http", serve(self.app, http, started=started)),
        ]

    async def open(self) -> None:
        """Make ready what the tasks need."""
        for part in self.parts:
            await part.open()

    async def until_ready(self) -> None:
        """Wait until every part does its work."""
        for part in self.parts:
            await part.until_ready()

    async def close(self) -> None:
        """Write down where the parts are; the tasks have ended."""
        for part in self.parts:
            await part.close()


@asynccontextmanager
async def everything(
    ground: Ground, address: BrokerAddress, *, link_base: str, demo: bool
) -> AsyncIterator[Service]:
    """All parts, at the broker `address`; `link_base` is the console's URL in notices."""
    with routing(ground):
        async with open_log(ground, writes=True, engine=True) as log:
            ingest, process = (
                IngestPart(ground, log, address),
                ProcessPart(ground, log, assignments(ground, log)),
            )
            route, console = RoutePart(ground, address, link_base), ConsolePart(ground)
            parts: list[Part] = [ingest, process, route, console]
            health = PartsHealth(ground.database, parts)
            app = console.app(health, address.port, gateway=ingest.gateway.router, demo=demo)
            yield Service(ground, parts, app)


@asynccontextmanager
async def ingest_alone(ground: Ground, address: BrokerAddress) -> AsyncIterator[Service]:
    """Devices in, over MQTT and HTTP."""
    async with open_log(ground, writes=True, engine=False) as log:
        part = IngestPart(ground, log, address)
        yield _outpost(ground, part, part.gateway)


@asynccontextmanager
async def process_alone(ground: Ground) -> AsyncIterator[Service]:
    """The engine."""
    async with open_log(ground, writes=False, engine=True) as log:
        yield _outpost(ground, ProcessPart(ground, log, assignments(ground, log)))


@asynccontextmanager
async def route_alone(ground: Ground, address: BrokerAddress, *, link_base: str) -> AsyncIterator[Service]:
    """People and devices told."""
    with routing(ground):
        yield _outpost(ground, RoutePart(ground, address, link_base))


@asynccontextmanager
async def console_alone(ground: Ground) -> AsyncIterator[Service]:
    """What people see and do."""
    part = ConsolePart(ground)
    health = PartsHealth(ground.database, [part])
    yield Service(ground, [part], part.app(health, ground.settings.mqtt_port))


def _outpost(ground: Ground, part: Part, gateway: Gateway | None = None) -> Service:
    health = PartsHealth(ground.database, [part])
    router = None if gateway is None else gateway.router
    return Service(ground, [part], create_outpost(health, ground.metrics, ground.clock, router))
