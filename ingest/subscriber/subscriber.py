"""Subscriber: reads one lane of what devices publish and acknowledges what admission has made durable."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec
import structlog

from devices.clock import Clock
from devices.topics import CHIRPSTACK_EVENTS, PLATFORMS, PREFIX
from ingest.address import BROUGHT, REFUSED, STATS, BrokerAddress, BrokerStats
from ingest.errors import NotConnected
from ingest.lanes import ALARMS, TELEMETRY
from ingest.limits import Limits
from ingest.message import Message
from ingest.refused import REASONS, Refused, decode
from ingest.right_of_way import RightOfWay, Work
from ingest.subscriber.connection import Acknowledge, Generation
from ingest.subscriber.meter import Meter
from ingest.subscriber.window import Window

log = structlog.get_logger(__name__)

WINDOW = 1000
"""Messages in admission at once: at 20 the log's commit groups shrink and throughput drops four-fold."""
_GATHER_S = 0.02
"""How long locations gather before they are admitted together: each admission is a commit and some changes of
thread, and at 5,000 locations a second a dozen at a time kept the engine from its work. No alarm gathers."""
_Messages = Sequence[Message | Refused]
_DRAIN_DEADLINE_S = 3.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_STEADY_S = 10.0


class Admission(Protocol):
    """Takes in messages."""

    async def admit_all(self, messages: Sequence[Message | Refused]) -> None:
        """Take in `messages`, or what a broker refused, in their order; returns when all are durable."""


class SubscriberLane(NamedTuple):
    """What one subscriber reads, over a connection and with a window of its own."""

    name: str
    filters: tuple[str, ...]


_CHIRPSTACK = "application/+/device/+/event"
_UPLINK = "up"
# A LoRaWAN device may speak for a hundredth of the time, and Traccar's events are few: no flood comes there.
ALARM_LANE = SubscriberLane(
    ALARMS, (f"{PREFIX}/+/alarm", f"{PREFIX}/+/event", f"{_CHIRPSTACK}/{_UPLINK}", "traccar/+/events")
)
TELEMETRY_LANE = SubscriberLane(
    TELEMETRY, (f"{PREFIX}/+/location", f"{PREFIX}/+/status", f"{PREFIX}/+/record")
)
MIXED_LANE = SubscriberLane(
    "mixed",
    (
        "owntracks/+/+",
        "owntracks/+/+/+",
        "traccar/+/positions",
        *(f"platform/+/{dialect}" for dialect in PLATFORMS),
        *(f"{_CHIRPSTACK}/{event}" for event in CHIRPSTACK_EVENTS if event != _UPLINK),
    ),
)
"""Topics on which alarms and locations come together: they wait for each other, and nobody else for them."""
SUBSCRIBER_LANES = (ALARM_LANE, TELEMETRY_LANE, MIXED_LANE)


class Subscriber:
    """One lane's connection to the broker at `address`, made again for ever.

    The client id is fixed (`vigil-ingest-alarms`, `vigil-ingest-telemetry`; `suffix` tells several Vigils
    at one broker apart), so that the broker keeps what comes while nobody reads. On the `way`, alarms go
    before locations. Attributes to watch: `connected`, `connections` made, messages `in_window`, their
    `retries`, and what the embedded broker last told about itself, in `broker_stats` of the telemetry lane's.
    """

    def __init__(
        self,
        address: BrokerAddress,
        lane: SubscriberLane,
        admission: Admission,
        clock: Clock,
        *,
        suffix: str = "",
        window: int = WINDOW,
        limits: Limits = Limits(),  # noqa: B008 frozen
        way: RightOfWay | None = None,
    ) -> None:
        self._address = address
        self._lane = lane
        self._clock = clock
        self._client_id = f"vigil-ingest-{lane.name}{suffix}"
        self._filters = lane.filters
        self._welcome: tuple[str, ...] = ()
        if address.embedded:
            self._filters = tuple(
                f"{BROUGHT}/+/{one}" if one.startswith(_CHIRPSTACK) else one for one in lane.filters
            )
        if lane is TELEMETRY_LANE:
            # Of what an outside broker refused, only who watches over it tells; some will not let us hear it.
            self._welcome = (REFUSED, STATS) if address.embedded else (REFUSED,)
        # The embedded broker measures by itself, where it can still hold a device back.
        self._meter = None if address.embedded else Meter(limits, clock)
        self._refusals: dict[str, int] = dict.fromkeys(REASONS, 0)
        admit = _in_turn(lane, admission.admit_all, way)
        self._window: Window[Message | Refused] = Window(window, clock, admit, _gather_s(address, lane))
        self._connected = asyncio.Event()
        self.connections = 0
        self.broker_stats: BrokerStats | None = None

    @property
    def connected(self) -> bool:
        """Whether it reads just now."""
        return self._connected.is_set()

    @property
    def in_window(self) -> int:
        """How many messages are in admission."""
        return self._window.inside

    @property
    def retries(self) -> int:
        """How often an admission was tried again."""
        return self._window.retries

    @property
    def refusals(self) -> Mapping[str, int]:
        """How often devices were refused something, by reason, as far as this lane knows."""
        if self.broker_stats is not None:
            return self.broker_stats.refusals
        flood = self._refusals["flood"] if self._meter is None else self._meter.dropped
        return {**self._refusals, "flood": flood}

    async def until_connected(self) -> None:
        """Wait until it reads."""
        await self._connected.wait()

    async def run(self) -> None:
        """Read until cancelled; then finish what was begun, for three seconds at most."""
        pause_s = _FIRST_PAUSE_S
        while True:
            # Lost while the log was out: what a new connection brought would only pile up before admission.
            await self._window.room()
            since_s = self._clock.monotonic_s()
            try:
                await self._read()
            except NotConnected as error:
                log.warning(
                    "not connected", action="subscriber.not_connected", lane=self._lane.name, error=str(error)
                )
            else:
                log.warning("connection lost", action="subscriber.lost", lane=self._lane.name)
            if self._clock.monotonic_s() - since_s > _STEADY_S:
                pause_s = _FIRST_PAUSE_S
            await self._clock.sleep_s(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _read(self) -> None:
        generation = Generation(self._address, self._client_id, self._window, self._receive)
        try:
            await generation.open(self._filters, self._welcome)
            self.connections += 1
            self._connected.set()
            log.info("connected", action="subscriber.connected", lane=self._lane.name)
            await generation.lost()
        except asyncio.CancelledError:
            await generation.finish(_DRAIN_DEADLINE_S)
            await self._window.close()
            raise
        finally:
            self._connected.clear()
            await generation.close()

    def _receive(self, topic: str, payload: bytes, acknowledge: Acknowledge) -> None:
        """Take in a message; `acknowledge` is called when it is durable."""
        if topic == STATS:
            self.broker_stats = msgspec.json.decode(payload, type=BrokerStats)
            acknowledge()
        elif topic == REFUSED:
            self._refuse(decode(payload), acknowledge)
        elif topic.startswith(BROUGHT):
            _, _, login, said = topic.split("/", 3)
            self._window.take(Message(said, payload, login), len(payload), acknowledge)
        elif self._meter is not None:
            self._measure(self._meter, topic, payload, acknowledge)
        else:
            self._window.take(Message(topic, payload), len(payload), acknowledge)

    def _measure(self, meter: Meter, topic: str, payload: bytes, acknowledge: Acknowledge) -> None:
        taken, refused = meter.measure(topic, payload)
        if taken is not None and refused is not None:
            acknowledge = _when_both(acknowledge)
        if refused is not None:
            self._refuse(refused, acknowledge)
        if taken is not None:
            self._window.take(Message(topic, taken), len(taken), acknowledge)
        elif refused is None:
            acknowledge()

    def _refuse(self, refused: Refused, acknowledge: Acknowledge) -> None:
        self._refusals[refused.reason] += refused.count
        self._window.take(refused, len(refused.payload), acknowledge)


def _gather_s(address: BrokerAddress, lane: SubscriberLane) -> float:
    # An outside broker may hold back the next until what it sent is acknowledged.
    return _GATHER_S if address.embedded and lane is TELEMETRY_LANE else 0.0


def _in_turn(lane: SubscriberLane, admit: Work[_Messages], way: RightOfWay | None) -> Work[_Messages]:
    if way is None or lane is MIXED_LANE:
        return admit
    return way.before(admit) if lane is ALARM_LANE else way.behind(admit)


def _when_both(call: Acknowledge) -> Acknowledge:
    """Return what calls `call` when it is called for the second time."""
    is_first = True

    def count() -> None:
        nonlocal is_first
        if is_first:
            is_first = False
        else:
            call()

    return count
