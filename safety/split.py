"""`vigil ingest`, `process`, `route` and `console`: one part of the service as a process of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from devices.clock import Clock, SystemClock
from ingest.address import BrokerAddress
from ingest.right_of_way import RightOfWay
from safety.app import Service, console_alone, ingest_alone, process_alone, route_alone
from safety.config import ConfigError, Settings
from safety.parts.part import Ground, Tasks
from safety.running import Listener, run, run_service, say, say_ready
from safety.shared_clock import SharedClock, look_at
from safety.store.database import Database, database_url
from safety.store.migrate import migrate_new
from safety.wakes import Wakes

Name = Literal["ingest", "process", "route", "console"]


def run_part(name: Name, data_dir: Path, settings: Settings, http: Listener) -> int:
    """Run one part until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigError: it needs an outside broker, and none is set.
    """
    if name in ("ingest", "route") and settings.broker_url is None:
        raise ConfigError(f"broker_url: `vigil {name}` needs an outside broker; `vigil up` brings its own")
    return run(settings, lambda stop: serve(name, data_dir, settings, http, stop))


async def serve(name: Name, data_dir: Path, settings: Settings, http: Listener, stop: asyncio.Event) -> None:
    """Run one part until `stop` is set, also while it still waits for others.

    Raises:
        StoreUnusable: the store cannot be opened.
    """
    database = Database(database_url(data_dir, settings.database_url))
    try:
        with database.opening():
            await asyncio.to_thread(migrate_new, database.engine)
            clock = await _clock_of(database)
        ground = Ground(
            data_dir=data_dir,
            settings=settings,
            database=database,
            clock=clock,
            wakes=Wakes(database.url, clock),
            way=RightOfWay(clock),
            alone=False,
        )
        begun = asyncio.Event()
        opening = asyncio.ensure_future(_opened(name, ground, http, stop, begun))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not opening.done() and not begun.is_set():
            opening.cancel()  # it waits for others before it can begin, and may do so for ever
            await asyncio.wait([opening])
        else:
            await opening
    finally:
        database.close()


async def _clock_of(database: Database) -> Clock:
    """Return the clock that all parts on `database` share."""
    own = SystemClock()
    if database.engine.dialect.name == "sqlite":
        return own  # they are on one machine
    shared = SharedClock(own, lambda: database.read(lambda connection: look_at(connection, own)))
    await shared.look()
    return shared


async def _opened(
    name: Name, ground: Ground, http: Listener, stop: asyncio.Event, begun: asyncio.Event
) -> None:
    async with _part(name, ground, http) as service:
        begun.set()

        async def announce(http: Listener) -> None:
            say(f"http   http://{http.place}")
            await service.until_ready()
            say_ready()

        def beside() -> Tasks:
            return [("clock", ground.clock.run())] if isinstance(ground.clock, SharedClock) else []

        await run_service(service, http, stop, announce, beside)


@asynccontextmanager
async def _part(name: Name, ground: Ground, http: Listener) -> AsyncIterator[Service]:
    settings = ground.settings
    if name == "console":
        async with console_alone(ground) as service:
            yield service
    elif name == "process":
        async with process_alone(ground) as service:
            yield service
    else:
        address = BrokerAddress.parse(settings.broker_url or "", settings.broker_authority)
        link_base = settings.public_url or f"http://{settings.http_host}:{settings.http_port}"
        part = (
            ingest_alone(ground, address)
            if name == "ingest"
            else route_alone(ground, address, link_base=link_base)
        )
        async with part as service:
            yield service
