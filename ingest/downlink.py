"""Downlink: commands to devices, over MQTT.

aiomqtt rather than the reading side's gmqtt: each of its publishes can be awaited until its own PUBACK.
"""

import asyncio
import contextlib
from typing import Protocol

import msgspec
import structlog
from aiomqtt import MqttError, ProtocolVersion

from devices import topics
from devices.clock import Clock
from devices.codecs import owntracks_commands
from devices.commands import Command, encode
from devices.errors import CannotSay
from ingest.address import BrokerAddress, MqttVersion
from ingest.errors import NotConnected
from ingest.mqtt_client import MqttClient

log = structlog.get_logger(__name__)

PUBLISH_DEADLINE_S = 5.0
CONNECT_DEADLINE_S = 3.0
"""How long a command waits for a connection: at a start all that is owed comes a moment before there is one,
and to have failed would put it off by seconds."""
KEEP_ALIVE_S = 15
_IN_FLIGHT = 200
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class CommandSender(Protocol):
    """Sends a command to a device."""

    async def send(self, command: Command) -> None:
        """Return when the command is on its way.

        Raises:
            NotConnected: it is not; try again.
        """


def written(command: Command) -> tuple[str, bytes]:
    """Return the topic and the payload of `command`, in the dialect of its device.

    Raises:
        CannotSay: the dialect has no words for it, or hears nothing over MQTT.
    """
    if command.codec == "native":
        return topics.down(command.device), encode(command)
    if command.codec == "owntracks":
        said = msgspec.json.encode(owntracks_commands.said(command))
        return owntracks_commands.topic(command.device), said
    raise CannotSay(f"command {command.id}: dialect {command.codec} hears nothing over MQTT")


class Downlink:
    """Publishes commands on the `down` topics of their devices, many at once if need be."""

    def __init__(self, address: BrokerAddress, clock: Clock, *, suffix: str = "") -> None:
        self._address = address
        self._clock = clock
        self._client_id = f"vigil-downlink{suffix}"
        self._client: MqttClient | None = None
        self._connected = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether commands can be sent just now."""
        return self._client is not None

    async def until_connected(self) -> None:
        """Wait until commands can be sent."""
        await self._connected.wait()

    async def send(self, command: Command) -> None:
        """Publish `command` at QoS 1; return when the broker has acknowledged it.

        Raises:
            NotConnected: there is no connection within 3 s, or no acknowledgement within 5 s.
            CannotSay: the device understands nothing that could be sent to it this way.
        """
        topic, payload = written(command)
        client = await self._connection()
        try:
            await client.publish(topic, payload, qos=1, timeout=PUBLISH_DEADLINE_S)
        except MqttError as error:
            raise NotConnected(f"command {command.id} was not acknowledged: {error}") from error

    async def _connection(self) -> MqttClient:
        if self._client is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_DEADLINE_S):
                    await self._connected.wait()
        if self._client is None:
            raise NotConnected(f"no connection to {self._address!r}")
        return self._client

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            client = self._new_client()
            try:
                async with client:
                    self._client = client
                    self._connected.set()
                    pause_s = _FIRST_PAUSE_S
                    # Nothing is subscribed to: the iteration ends when the connection does.
                    async for _ in client.messages:
                        pass
            except MqttError as error:
                log.warning("downlink not connected", action="downlink.not_connected", error=str(error))
            finally:
                self._client = None
                self._connected.clear()
            await self._clock.sleep_s(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _new_client(self) -> MqttClient:
        address = self._address
        client = MqttClient(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=self._client_id,
            protocol=ProtocolVersion.V5 if address.version is MqttVersion.V5 else ProtocolVersion.V311,
            clean_session=True if address.version is MqttVersion.V311 else None,
            tls_context=address.tls,
            keepalive=KEEP_ALIVE_S,
            timeout=PUBLISH_DEADLINE_S,
            max_inflight_messages=_IN_FLIGHT,
            max_concurrent_outgoing_calls=_IN_FLIGHT,
        )
        client.pending_calls_threshold = _IN_FLIGHT
        return client
