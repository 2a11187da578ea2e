"""Wires the service: broker, ingest, log, engine, routing and console in one process tree (`vigil up`).

`Service.parts` lists what runs, in the order in which a panic passes through it.
"""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from devices.clock import Clock, SystemClock
from devices.codecs import native
from devices.errors import RegistryUnavailable
from devices.registry.sql import SqlDeviceRegistry
from ingest.address import BrokerAddress
from ingest.admission import Admission
from ingest.broker.server import EmbeddedBroker
from ingest.downlink import Downlink
from ingest.lanes import DEAD_LETTERS, LANES
from ingest.log.sqlite import SqliteEventLog
from ingest.metrics import IngestMetrics
from ingest.retention import Retention
from ingest.subscriber import ALARM_LANE, TELEMETRY_LANE, Subscriber
from ingest.ticker import Ticker
from safety.api.application import create_app
from safety.api.context import ApiSettings, TileSettings
from safety.api.hub import LiveHub
from safety.api.server import serve
from safety.config import Settings
from safety.dead_letters import DeadLetterDesk
from safety.demo.players import Players
from safety.demo.seed import Demo, prepare_demo
from safety.health import PartsHealth
from safety.logs import configure_logs
from safety.planner import Planner, replan_everything
from safety.routing.channels import standard_channels
from safety.routing.worker import RoutingWorker
from safety.runner import Runner, RunnerMetrics
from safety.store.database import Database, database_url
from safety.store.migrate import migrate

REFRESH_EVERY_S = 0.5
"""How soon a running service knows of changed devices."""

SWITCH_INTERVAL_S = 0.0005
"""How long a thread keeps the interpreter from others: SQLite's threads win it back at every statement, and
at Python's 5 ms an append beside a busy loop took 17 ms instead of 1."""

_log = structlog.get_logger(__name__)

Parts = list[tuple[str, Coroutine[Any, Any, None]]]


class Listener(NamedTuple):
    """Where something listens; port 0 takes a free one."""

    host: str
    port: int


class Service:
    """All of Vigil but the broker, on the data in `data_dir`."""

    def __init__(self, data_dir: Path, settings: Settings, clock: Clock, *, demo: bool) -> None:
        self.database = Database(database_url(data_dir))
        migrate(self.database.engine)
        self._clock = clock
        self._settings = settings
        self._demo = demo
        self._metrics = CollectorRegistry()
        self._devices = SqlDeviceRegistry(self.database.engine)
        self._log = SqliteEventLog(data_dir / "log", clock)
        self._hub = LiveHub(self.database, clock, self._metrics)
        self._planner = Planner(self.database, self._log, clock)

    async def open(self) -> None:
        """Make ready what the parts share."""
        await asyncio.to_thread(self._devices.refresh)
        await self.database.write(replan_everything)

    def connect(self, address: BrokerAddress, link_base: str) -> None:
        """Make the parts that speak to the broker at `address`; notices link to `link_base`."""
        log, database, clock = self._log, self.database, self._clock
        codecs = {"native": native.read}
        admission = Admission(self._devices, codecs, log, clock, IngestMetrics(self._metrics))
        lanes = (ALARM_LANE, TELEMETRY_LANE)
        self._subscribers = [Subscriber(address, lane, admission, clock) for lane in lanes]
        self._downlink = Downlink(address, clock)
        self._routing = RoutingWorker(
            database, clock, self._downlink, standard_channels(), self._hub.wake, link_base=link_base
        )
        metrics = RunnerMetrics(self._metrics)
        self._runners = [
            Runner(lane, partition, log, database, clock, metrics, self.wake)
            for lane in LANES
            for partition in range(log.partitions(lane))
        ]

    def wake(self) -> None:
        """People and devices are owed something: look at the store now."""
        self._routing.wake()
        self._hub.wake()

    def parts(self, http: Listener, started: asyncio.Future[int]) -> Parts:
        """Return every part that runs, by name; `started` takes the port of the console."""
        keep_days = dict.fromkeys((*LANES, DEAD_LETTERS), float(self._settings.keep_log_days))
        letters = range(self._log.partitions(DEAD_LETTERS))
        return [
            ("devices", self._refresh_devices()),
            *((f"subscriber-{index}", one.run()) for index, one in enumerate(self._subscribers)),
            ("ticker", Ticker(self._log, self._clock).run()),
            ("retention", Retention(self._log, self._clock, keep_days).run()),
            ("planner", self._planner.run()),
            *((f"runner-{index}", one.run()) for index, one in enumerate(self._runners)),
            ("routing", self._routing.run()),
            ("downlink", self._downlink.run()),
            *((f"dead-letters-{n}", self._desk(n).run()) for n in letters),
            ("live", self._hub.run()),
            ("console", serve(self._app(), http.host, http.port, started=started.set_result)),
        ]

    async def until_ready(self) -> None:
        """Wait until devices are heard and can be told things."""
        for subscriber in self._subscribers:
            await subscriber.until_connected()
        await self._downlink.until_connected()

    async def close(self) -> None:
        """Write down where the engine is, and release the files."""
        for runner in self._runners:
            await runner.checkpoint()
        await self._log.close()
        self.database.close()

    def _app(self) -> Any:
        settings = self._settings
        tiles = None
        if settings.tiles_url is not None:
            tiles = TileSettings(
                url=settings.tiles_url, attribution=settings.tiles_attribution, datum=settings.tiles_datum
            )
        api = ApiSettings(
            session_ttl_s=settings.session_ttl_s,
            tiles=tiles,
            secure_cookie=(settings.public_url or "").startswith("https://"),
            demo=self._demo,
            version=version("vigil-safety"),
        )
        health = PartsHealth(self.database, self._log, self._subscribers, self._downlink, self._runners)
        return create_app(
            self.database,
            self._clock,
            health=health,
            hub=self._hub,
            registry=self._metrics,
            settings=api,
            wake=self.wake,
        )

    def _desk(self, partition: int) -> DeadLetterDesk:
        return DeadLetterDesk(partition, self._log, self.database, self._clock)

    async def _refresh_devices(self) -> None:
        while True:
            await self._clock.sleep_s(REFRESH_EVERY_S)
            try:
                await asyncio.to_thread(self._devices.refresh)
            except RegistryUnavailable as error:
                _log.warning("devices cannot be read", action="devices.refresh_failed", error=str(error))


def up(
    data_dir: Path,
    settings: Settings,
    *,
    http_host: str,
    http_port: int,
    mqtt_host: str,
    mqtt_port: int,
    demo: bool,
) -> int:
    """Run the whole service until SIGTERM or SIGINT; return the exit code."""
    configure_logs(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    serving = _serve(data_dir, settings, Listener(http_host, http_port), Listener(mqtt_host, mqtt_port), demo)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serving)
        except* Exception as group:
            # The first cause is the one to show: the others are parts that were stopped because of it.
            raise _first(group) from group
    return 0


async def _serve(data_dir: Path, settings: Settings, http: Listener, mqtt: Listener, demo: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SystemClock()
    service = Service(data_dir, settings, clock, demo=demo)
    await service.open()
    broker = EmbeddedBroker(mqtt.host, mqtt.port, service.database.url, clock)
    mqtt = Listener(mqtt.host, await broker.start())
    service.connect(broker.address, settings.public_url or f"http://{http.host}:{http.port}")
    try:
        async with asyncio.TaskGroup() as group:
            started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            parts = [("broker", broker.wait()), *service.parts(http, started)]
            tasks = [group.create_task(part, name=name) for name, part in parts]
            http = Listener(http.host, await started)
            await service.until_ready()
            say(f"mqtt   mqtt://{mqtt.host}:{mqtt.port}")
            say(f"http   http://{http.host}:{http.port}")
            if demo:
                cast = prepare_demo(service.database, data_dir / "demo", clock.now_ms())
                introduce(cast, http)
                players = Players(data_dir / "demo" / "roster.json", *mqtt, clock)
                tasks.append(group.create_task(players.run(), name="demo"))
            say("ready")
            await stop.wait()
            for task in tasks:
                task.cancel()
    finally:
        await broker.stop()
        await service.close()


def introduce(demo: Demo, http: Listener) -> None:
    """Tell how to get in."""
    say(f"demo   open http://{http.host}:{http.port}")
    say(f"demo   log in as {demo.login.login} with password {demo.login.password}")


def say(line: str) -> None:
    """Tell whoever started the service."""
    print(line, flush=True)  # noqa: T201  # the terminal is this command's output


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    cause: BaseException = group
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return cause if isinstance(cause, Exception) else RuntimeError(str(cause))
