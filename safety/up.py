"""`vigil up`: the whole service as one process tree, from its first line to the last file it closes."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop

from devices.clock import Clock, SystemClock
from ingest.address import BrokerAddress
from ingest.broker.server import EmbeddedBroker, TlsListener
from safety.app import Parts, Service, limits_of
from safety.broker_certificate import BrokerCertificate
from safety.config import Settings
from safety.demo.players import Players
from safety.demo.seed import Demo, prepare_demo
from safety.logs import configure_logs
from safety.store.database import Database, database_url
from safety.store.migrate import migrate

SWITCH_INTERVAL_S = 0.0005
"""How long a thread keeps the interpreter from others: SQLite's threads win it back at every statement, and
at Python's 5 ms an append beside a busy loop took 17 ms instead of 1."""


class Listener(NamedTuple):
    """Where something listens; port 0 takes a free one."""

    host: str
    port: int


class Doors(NamedTuple):
    """All listeners; `mqtts` is the embedded broker's for TLS."""

    http: Listener
    mqtt: Listener
    mqtts: Listener | None


def up(
    data_dir: Path,
    settings: Settings,
    *,
    http_host: str,
    http_port: int,
    mqtt_host: str,
    mqtt_port: int,
    mqtts_port: int | None,
    demo: bool,
) -> int:
    """Run the whole service until SIGTERM or SIGINT; return the exit code."""
    configure_logs(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    doors = Doors(
        http=Listener(http_host, http_port),
        mqtt=Listener(mqtt_host, mqtt_port),
        mqtts=None if mqtts_port is None else Listener(settings.mqtts_host, mqtts_port),
    )
    serving = _serve(data_dir, settings, doors, demo)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)
    return 0


async def _serve(data_dir: Path, settings: Settings, doors: Doors, demo: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SystemClock()
    database = Database(database_url(data_dir, settings.database_url))
    try:
        await asyncio.to_thread(migrate, database.engine)
        async with _broker(data_dir, settings, doors, database.url, clock) as (address, broker, tls):
            http = doors.http
            link_base = settings.public_url or f"http://{http.host}:{http.port}"
            service = Service(data_dir, database, settings, clock, address, link_base=link_base, demo=demo)
            cast = Cast(database, data_dir, address, clock) if demo else None
            await _run(service, broker, Heard(address, tls), http, cast, stop)
    finally:
        database.close()


async def _run(
    service: Service,
    broker: Parts,
    heard: "Heard",
    http: Listener,
    cast: "Cast | None",
    stop: asyncio.Event,
) -> None:
    """Run all parts until `stop` is set; say where it listens, then `ready`."""
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    try:
        await service.open()
        async with asyncio.TaskGroup() as group:
            parts = [*broker, *service.parts(http.host, http.port, started.set_result)]
            tasks = [group.create_task(part, name=name) for name, part in parts]
            http = Listener(http.host, await started)
            tasks.append(group.create_task(_announce(service, heard, http, cast), name="announce"))
            await stop.wait()
            for task in tasks:
                task.cancel()
    finally:
        await service.close()


class Heard(NamedTuple):
    """Where the broker is heard, and where behind TLS."""

    address: BrokerAddress
    tls: TlsListener | None


async def _announce(service: Service, heard: Heard, http: Listener, cast: "Cast | None") -> None:
    """Say where it listens once devices are heard; with a cast, let it play."""
    await service.until_ready()
    say(f"mqtt   mqtt://{heard.address.host}:{heard.address.port}")
    if heard.tls is not None:
        say(f"mqtts  mqtts://{heard.tls.host}:{heard.tls.port}")
    say(f"http   http://{http.host}:{http.port}")
    if cast is None:
        say("ready")
        return
    demo = await asyncio.to_thread(cast.prepare)
    say(f"demo   open http://{http.host}:{http.port}")
    say(f"demo   log in as {demo.login.login} with password {demo.login.password}")
    say("ready")
    await cast.players.run()


class Cast:
    """The demo: its organisation in the store, and the simulated devices that play it."""

    def __init__(self, database: Database, data_dir: Path, address: BrokerAddress, clock: Clock) -> None:
        self._database = database
        self._data_dir = data_dir
        self._clock = clock
        self.players = Players(data_dir / "demo" / "roster.json", address.host, address.port, clock)

    def prepare(self) -> Demo:
        """Seed what is not there yet, with visits that are on now."""
        return prepare_demo(self._database, self._data_dir, self._clock.now_ms())


@asynccontextmanager
async def _broker(
    data_dir: Path, settings: Settings, doors: Doors, database_url: str, clock: Clock
) -> AsyncIterator[tuple[BrokerAddress, Parts, TlsListener | None]]:
    """Yield where the broker is, what must run for it, and where it hears TLS: the embedded one, unless
    another is set."""
    if settings.broker_url is not None:
        yield BrokerAddress.parse(settings.broker_url), [], None
        return
    tls, parts = None, Parts()
    if doors.mqtts is not None:
        certificate = BrokerCertificate(data_dir, settings, doors.mqtts.host, clock)
        tls = TlsListener(doors.mqtts.host, doors.mqtts.port, certificate.files())
        parts.append(("certificate", certificate.run()))
    embedded = EmbeddedBroker(
        doors.mqtt.host, doors.mqtt.port, database_url, clock, tls, limits_of(settings)
    )
    await embedded.start()
    try:
        yield embedded.address, [("broker", embedded.wait()), *parts], embedded.tls
    finally:
        await embedded.stop()


def say(line: str) -> None:
    """Tell whoever started the service."""
    print(line, flush=True)  # noqa: T201  # the terminal is this command's output
