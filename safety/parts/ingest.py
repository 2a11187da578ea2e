"""IngestPart: devices in, the log out; and what else is written to the log: time, and what people planned."""

import asyncio
from collections.abc import Mapping
from functools import partial

import structlog

from devices.codecs.dialects import DIALECTS
from devices.errors import RegistryUnavailable
from devices.registry.sql import SqlDeviceRegistry
from ingest.address import BrokerAddress
from ingest.admission import Admission
from ingest.errors import LogUnavailable
from ingest.gateway.routes import Gateway
from ingest.lanes import LANES
from ingest.limits import Limits
from ingest.log.port import EventLog
from ingest.metrics import IngestMetrics
from ingest.retention import Retention
from ingest.subscriber import SUBSCRIBER_LANES, Subscriber
from ingest.ticker import Ticker
from ingest.traccar_kafka import TraccarKafka, TraccarTopic
from safety.api.gateway_tokens import GatewayTokens
from safety.config import Settings
from safety.parts.logs import TOPICS
from safety.parts.part import Ground, Tasks
from safety.parts.turn import Turn
from safety.planner import Planner, replan_everything
from safety.routing.mailbox import StoreMailbox

REFRESH_EVERY_S = 0.5
"""How soon a running service knows of changed devices."""

_log = structlog.get_logger(__name__)


def limits_of(settings: Settings) -> Limits:
    """Return what one device may send."""
    return Limits(
        messages_per_s=settings.device_messages_per_s,
        bytes_per_s=settings.device_bytes_per_s,
        urgent_per_s=settings.device_alarms_per_s,
        payload_bytes=settings.device_payload_bytes,
    )


class IngestPart:
    """Reads from the broker at `address` and writes `log`; `gateway` is for whoever serves HTTP."""

    def __init__(self, ground: Ground, log: EventLog, address: BrokerAddress) -> None:
        self._ground = ground
        self._event_log = log
        self._devices = SqlDeviceRegistry(ground.database.engine)
        clock, metrics = ground.clock, ground.metrics
        counted = IngestMetrics(metrics)
        admission = Admission(self._devices, DIALECTS, log, clock, counted)
        limits = limits_of(ground.settings)
        self._subscribers = [
            Subscriber(address, lane, admission, clock, limits=limits, way=ground.way)
            for lane in SUBSCRIBER_LANES
        ]
        counted.count_refusals([partial(getattr, one, "refusals") for one in self._subscribers])
        traccar = ground.settings.traccar_kafka_url
        self._traccar = (
            [] if traccar is None else TraccarTopic.both(TraccarKafka.parse(traccar), admission, clock)
        )
        mailbox = StoreMailbox(ground.database, clock)
        ground.wakes.tell(mailbox.wake)
        tokens = GatewayTokens(ground.database, clock)
        self.gateway = Gateway(admission, self._devices, mailbox, clock, metrics, tokens, limits)
        self._planner = Planner(ground.database, log, clock)
        # The embedded log has one writer by itself; in Kafka's any process could write.
        self._turn = None if ground.settings.kafka_url is None else Turn(ground, "ingest")

    async def open(self) -> None:
        """Learn the devices; have everything planned told to an engine that knows nothing yet."""
        await asyncio.to_thread(self._devices.refresh)
        await self._ground.database.write(replan_everything)

    def tasks(self) -> Tasks:
        """Return what reads and what writes: where several could, while it is our turn."""
        if self._turn is None:
            return [("devices", self._refresh_devices()), *self._active()]
        return [("devices", self._refresh_devices()), ("ingest-turn", self._turn.run(self._active))]

    def _active(self) -> Tasks:
        clock = self._ground.clock
        keep_days = dict.fromkeys(TOPICS, float(self._ground.settings.keep_log_days))
        return [
            *((f"subscriber-{index}", one.run()) for index, one in enumerate(self._subscribers)),
            *((f"traccar-{index}", one.run()) for index, one in enumerate(self._traccar)),
            ("ticker", Ticker(self._event_log, clock).run()),
            ("retention", Retention(self._event_log, clock, keep_days).run()),
            ("planner", self._planner.run()),
        ]

    async def until_ready(self) -> None:
        """Wait until devices are heard, by us or by another whom we stand by."""
        if self._turn is not None:
            await self._turn.known.wait()
            if not self._turn.ours:
                return
        for subscriber in self._subscribers:
            await subscriber.until_connected()

    async def close(self) -> None:
        """Nothing is left to write down: what was not in the log was not acknowledged."""
        self.gateway.close()

    async def check(self) -> Mapping[str, str]:
        """Return how the log and the broker are."""
        stands_by = self._turn is not None and not self._turn.ours
        heard = stands_by or all(one.connected for one in self._subscribers)
        return {"log": await self._check_log(), "broker": "ok" if heard else "not connected"}

    async def _check_log(self) -> str:
        try:
            for lane in LANES:
                await self._event_log.end(lane, 0)
        except LogUnavailable as error:
            return str(error)
        return "ok"

    async def _refresh_devices(self) -> None:
        while True:
            await self._ground.clock.sleep_s(REFRESH_EVERY_S)
            try:
                await asyncio.to_thread(self._devices.refresh)
            except RegistryUnavailable as error:
                _log.warning("devices cannot be read", action="devices.refresh_failed", error=str(error))
