"""Wires the service: ingest, log, engine, routing and console in one process.

`Service.parts` lists what runs, in the order in which a panic passes through it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from devices.clock import Clock
from devices.codecs.dialects import DIALECTS
from devices.errors import RegistryUnavailable
from devices.registry.sql import SqlDeviceRegistry
from ingest.address import BrokerAddress
from ingest.admission import Admission
from ingest.downlink import Downlink
from ingest.gateway.routes import Gateway
from ingest.lanes import DEAD_LETTERS, LANES
from ingest.limits import Limits
from ingest.log.sqlite import SqliteEventLog
from ingest.metrics import IngestMetrics
from ingest.retention import Retention
from ingest.subscriber import SUBSCRIBER_LANES, Subscriber
from ingest.ticker import Ticker
from safety.api.application import create_app
from safety.api.context import ApiSettings, TileSettings
from safety.api.gateway_tokens import GatewayTokens
from safety.api.hub import LiveHub
from safety.api.server import serve
from safety.config import Settings, addresses_of
from safety.console.static_files import GROUND
from safety.dead_letters import DeadLetterDesk
from safety.health import PartsHealth
from safety.planner import Planner, replan_everything
from safety.routing.channels import standard_channels
from safety.routing.mailbox import StoreMailbox
from safety.routing.metrics import RoutingMetrics
from safety.routing.worker import RoutingWorker
from safety.runner import Runner, RunnerMetrics
from safety.store.database import Database

REFRESH_EVERY_S = 0.5
"""How soon a running service knows of changed devices."""

_log = structlog.get_logger(__name__)

Parts = list[tuple[str, Coroutine[Any, Any, None]]]


def limits_of(settings: Settings) -> Limits:
    """Return what one device may send."""
    return Limits(
        messages_per_s=settings.device_messages_per_s,
        bytes_per_s=settings.device_bytes_per_s,
        urgent_per_s=settings.device_alarms_per_s,
        payload_bytes=settings.device_payload_bytes,
    )


class Service:
    """All of Vigil but the broker, which is at `address`; its data is in `data_dir`.

    `link_base` is the console's URL in notices.
    """

    def __init__(
        self,
        data_dir: Path,
        database: Database,
        settings: Settings,
        clock: Clock,
        address: BrokerAddress,
        *,
        link_base: str,
        demo: bool,
    ) -> None:
        self._data_dir = data_dir
        self._address = address
        self._database = database
        self._settings = settings
        self._clock = clock
        self._demo = demo
        self._metrics = CollectorRegistry()
        self._devices = SqlDeviceRegistry(database.engine)
        self._log = log = SqliteEventLog(data_dir / "log", clock)
        ingest_metrics = IngestMetrics(self._metrics)
        admission = Admission(self._devices, DIALECTS, log, clock, ingest_metrics)
        limits = limits_of(settings)
        self._subscribers = [
            Subscriber(address, lane, admission, clock, limits=limits) for lane in SUBSCRIBER_LANES
        ]
        ingest_metrics.count_refusals([partial(getattr, one, "refusals") for one in self._subscribers])
        self._mailbox = StoreMailbox(database, clock)
        tokens = GatewayTokens(database, clock)
        self._gateway = Gateway(admission, self._devices, self._mailbox, clock, self._metrics, tokens)
        self._planner = Planner(database, log, clock)
        metrics = RunnerMetrics(self._metrics)
        self._runners = [
            Runner(lane, partition, log, database, clock, metrics, self.wake)
            for lane in LANES
            for partition in range(log.partitions(lane))
        ]
        self._downlink = Downlink(address, clock)
        self._hub = LiveHub(database, clock, self._metrics)
        self._routing = RoutingWorker(
            database,
            clock,
            self._downlink,
            standard_channels(),
            self._hub.wake,
            link_base=link_base,
            metrics=RoutingMetrics(self._metrics),
        )

    def wake(self) -> None:
        """People and devices are owed something: look at the store now."""
        self._hub.wake()
        self._routing.wake()
        self._mailbox.wake()

    def parts(self, http_host: str, http_port: int, started: Callable[[int], None]) -> Parts:
        """Return every part that runs, by name; `started` is told the port of the console."""
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
            ("console", serve(self._app(), http_host, http_port, started=started)),
        ]

    async def open(self) -> None:
        """Make ready what the parts share."""
        await asyncio.to_thread(self._devices.refresh)
        await self._database.write(replan_everything)

    async def until_ready(self) -> None:
        """Wait until devices are heard and can be told things."""
        for subscriber in self._subscribers:
            await subscriber.until_connected()
        await self._downlink.until_connected()

    async def close(self) -> None:
        """Write down where the engine is, and release the files."""
        for runner in self._runners:
            await runner.checkpoint()
        self._gateway.close()
        await self._log.close()

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
            addresses=addresses_of(settings, self._address.port),
            ground=self._data_dir / GROUND,
            secure_cookie=settings.secure_cookie or (settings.public_url or "").startswith("https://"),
            demo=self._demo,
            version=version("vigil-safety"),
        )
        health = PartsHealth(self._database, self._log, self._subscribers, self._downlink, self._runners)
        return create_app(
            self._database,
            self._clock,
            health=health,
            hub=self._hub,
            registry=self._metrics,
            settings=api,
            wake=self.wake,
            gateway=self._gateway.router,
        )

    def _desk(self, partition: int) -> DeadLetterDesk:
        return DeadLetterDesk(partition, self._log, self._database, self._clock)

    async def _refresh_devices(self) -> None:
        while True:
            await self._clock.sleep_s(REFRESH_EVERY_S)
            try:
                await asyncio.to_thread(self._devices.refresh)
            except RegistryUnavailable as error:
                _log.warning("devices cannot be read", action="devices.refresh_failed", error=str(error))
