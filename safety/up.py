"""`vigil up`: the whole service as one process tree, from its first line to the last file it closes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from devices.clock import Clock, SystemClock
from ingest.address import BrokerAddress
from ingest.broker.server import EmbeddedBroker, TlsListener
from ingest.right_of_way import RightOfWay
from safety.app import Service, everything
from safety.broker_certificate import BrokerCertificate
from safety.config import Settings
from safety.demo.players import Players
from safety.demo.seed import Demo, prepare_demo
from safety.listening import Listening, note_listening
from safety.parts.ingest import limits_of
from safety.parts.part import Ground, Tasks
from safety.running import Listener, run, run_service, say, say_ready
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.wakes import Wakes


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
    doors = Doors(
        http=Listener(http_host, http_port),
        mqtt=Listener(mqtt_host, mqtt_port),
        mqtts=None if mqtts_port is None else Listener(settings.mqtts_host, mqtts_port),
    )
    return run(settings, lambda stop: _serve(data_dir, settings, doors, demo, stop))


async def _serve(data_dir: Path, settings: Settings, doors: Doors, demo: bool, stop: asyncio.Event) -> None:
    clock = SystemClock()
    database = Database(database_url(data_dir, settings.database_url))
    try:
        with database.opening():
            await asyncio.to_thread(migrate, database.engine)
        ground = Ground(
            data_dir=data_dir,
            settings=settings,
            database=database,
            clock=clock,
            wakes=Wakes(database.url, clock),
            way=RightOfWay(clock),
            alone=settings.database_url is None,
        )
        async with _broker(data_dir, settings, doors, database.url, clock) as (address, broker, tls):
            http = doors.http
            link_base = settings.public_url or f"http://{http.place}"
            cast = Cast(database, data_dir, address, clock) if demo else None
            async with everything(ground, address, link_base=link_base, demo=demo) as service:
                announce = partial(_announce, service, Heard(address, tls, data_dir), cast)
                await run_service(service, http, stop, announce, lambda: broker)
    finally:
        database.close()


class Heard(NamedTuple):
    """Where the broker is heard, and where behind TLS; commands look for word of it in `data_dir`."""

    address: BrokerAddress
    tls: TlsListener | None
    data_dir: Path


async def _announce(service: Service, heard: Heard, cast: "Cast | None", http: Listener) -> None:
    """Say where it listens once devices are heard; with a cast, let it play."""
    note_listening(heard.data_dir, Listening(http.place, heard.address.port))
    await service.until_ready()
    say(f"mqtt   mqtt://{Listener(heard.address.host, heard.address.port).place}")
    if heard.tls is not None:
        say(f"mqtts  mqtts://{Listener(heard.tls.host, heard.tls.port).place}")
    say(f"http   http://{http.place}")
    if cast is None:
        say_ready()
        return
    demo = await asyncio.to_thread(cast.prepare)
    say(f"demo   open http://{http.place}")
    say(f"demo   log in as {demo.login.login} with password {demo.login.password}")
    say_ready()
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
) -> AsyncIterator[tuple[BrokerAddress, Tasks, TlsListener | None]]:
    """Yield where the broker is, what must run for it, and where it hears TLS: the embedded one, unless
    another is set."""
    if settings.broker_url is not None:
        yield BrokerAddress.parse(settings.broker_url, settings.broker_authority), [], None
        return
    tls, parts = None, Tasks()
    if doors.mqtts is not None:
        certificate = BrokerCertificate(data_dir, settings, doors.mqtts.host, clock)
        tls = TlsListener(doors.mqtts.host, doors.mqtts.port, certificate.files())
        parts.append(("certificate", certificate.run()))
    embedded = EmbeddedBroker(doors.mqtt.host, doors.mqtt.port, database_url, clock, tls, limits_of(settings))
    await embedded.start()
    parts.append(("broker", embedded.wait()))
    try:
        yield embedded.address, parts, embedded.tls
    finally:
        for _, part in parts:
            part.close()  # nothing to do for one that ran
        await embedded.stop()
