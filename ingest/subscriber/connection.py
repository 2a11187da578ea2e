"""Generation: one connection of the subscriber, used once; nothing of it outlives its loss.

After a reconnect a late acknowledgement can confirm another, unlogged message, for packet ids start again.
So each connection has a client of its own, which never reconnects: an acknowledgement that comes too late
finds its connection closed.

gmqtt would make a task of each message and acknowledge it when the task ends: as much work again as reading
it. So what it has read is taken over before that, and acknowledged from here, all of a batch in one write.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, cast

import gmqtt
from gmqtt.mqtt.handler import MQTTConnectError

from ingest.address import BrokerAddress, MqttVersion
from ingest.errors import NotConnected
from ingest.subscriber.window import Window

CONNECT_DEADLINE_S = 10.0
KEEP_ALIVE_S = 15
SESSION_EXPIRY_S = 7 * 24 * 3600
"""How long an outside broker keeps what comes while ingest is away (MQTT 5)."""
_CLOSE_DEADLINE_S = 2.0
_NEVER = -2  # gmqtt reads 0 as "once more" and -1 as "for ever"
_PUBACK = struct.Struct("!BBH")
_PUBACK_HEAD = (0x40, 2)
_REFUSED = 0x80
_KEEP_RETAINED_TO_FIRST = 1

Acknowledge = Callable[[], None]
Receiver = Callable[[str, bytes, Acknowledge], None]
"""Takes in what was published on a topic; calls the third argument, once, when it may be acknowledged."""

# It logs each packet, and payloads with it.
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)


class Generation:
    """A connection that hands each message to `receive` and acknowledges it when `receive` lets it."""

    def __init__(
        self, address: BrokerAddress, client_id: str, window: Window[Any], receive: Receiver
    ) -> None:
        self._address = address
        self._window = window
        self._receive = receive
        self._lost = asyncio.Event()
        self._paused = False
        self._finishing = False
        self._owed = 0
        self._taken = 0
        self._acknowledged = bytearray()
        self._settled = asyncio.Event()
        self._settled.set()
        self._granted: asyncio.Future[tuple[int, ...]] = asyncio.get_running_loop().create_future()
        properties: dict[str, int] = {}
        if address.version is MqttVersion.V5:
            properties = {"session_expiry_interval": SESSION_EXPIRY_S, "receive_maximum": window.size}
        self._client = gmqtt.Client(
            client_id, clean_session=False, optimistic_acknowledgement=False, **properties
        )
        self._client.reconnect_retries = _NEVER
        self._client.on_message = self._heard
        # Not public: the pin on gmqtt's version and the tests with real brokers watch over it.
        self._client._package_handler._handle_qos_1_publish_packet = self._received
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        if address.username is not None:
            self._client.set_auth_credentials(address.username, address.password)

    async def open(self, filters: Sequence[str], welcome: Sequence[str] = ()) -> None:
        """Connect, and subscribe to `filters` at QoS 1 whether or not the broker still knew the session.

        To `welcome` as well, if the broker lets us.

        Raises:
            NotConnected: the broker cannot be reached, or refuses the login or one of `filters`.
        """
        address = self._address
        connecting = self._client.connect(
            address.host,
            address.port,
            ssl=address.tls or False,
            keepalive=KEEP_ALIVE_S,
            version=address.version.value,
        )
        await self._within_deadline(connecting)
        options = _KEEP_RETAINED_TO_FIRST if address.version is MqttVersion.V5 else 0
        self._client.subscribe(
            [gmqtt.Subscription(one, qos=1, retain_handling_options=options) for one in (*filters, *welcome)]
        )
        granted = await self._within_deadline(self._granted)
        if any(code >= _REFUSED for code in granted[: len(filters)]):
            raise NotConnected(f"{address!r} refuses a subscription: may this login read every device?")

    async def lost(self) -> None:
        """Wait until the connection is gone."""
        await self._lost.wait()

    async def close(self) -> None:
        """Disconnect; what is still in admission goes on, but is acknowledged no more."""
        self._finishing = True
        # OSError: the connection was reset meanwhile, which is what was wanted.
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await self._client.disconnect()

    async def finish(self, deadline_s: float) -> None:
        """Take in nothing more, acknowledge what admission still makes durable in time, and disconnect."""
        self.pause()
        self._finishing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._settled.wait()
        self._send_acknowledgements()
        await self.close()

    def pause(self) -> None:
        """Stop reading from the socket; the broker is held back by TCP, which every broker honours."""
        self._paused = True
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()

    def _received(self, packet_id: int, payload: bytes, topic: str | bytes, _: object) -> None:
        """Take over a message of QoS 1, for which gmqtt would call `on_message`."""
        if self._finishing:
            return  # read before, and left for the broker to bring again
        self._owed += 1
        self._taken += 1
        self._settled.clear()
        self._receive(_text(topic), payload, partial(self._acknowledge, packet_id))
        if self._window.full and not self._paused:
            self.pause()
            self._window.when_roomy(self._resume)

    def _heard(self, _: object, topic: str | bytes, payload: bytes, *__: object) -> None:
        """Take in a message of QoS 0, which nobody waits to hear acknowledged."""
        self._receive(_text(topic), payload, lambda: None)

    def _acknowledge(self, packet_id: int) -> None:
        """Have a message acknowledged, together with all others of which that is known by now."""
        if not self._acknowledged:
            asyncio.get_running_loop().call_soon(self._send_acknowledgements)
        self._acknowledged += _PUBACK.pack(*_PUBACK_HEAD, packet_id)
        self._owed -= 1
        if not self._owed:
            self._settled.set()

    def _send_acknowledgements(self) -> None:
        sent, self._acknowledged = bytes(self._acknowledged), bytearray()
        transport = self._transport
        if sent and transport is not None and not transport.is_closing():
            self._client._connection.send_package(sent)

    def _resume(self) -> None:
        transport = self._transport
        if not self._finishing and transport is not None and not transport.is_closing():
            self._paused = False
            transport.resume_reading()

    @property
    def _transport(self) -> asyncio.Transport | None:
        # gmqtt offers no public way to stop reading; MQTT 3.1.1 and Mosquitto 2.0.11 have no other bound.
        connection = self._client._connection
        return None if connection is None else cast("asyncio.Transport", connection._transport)

    def _disconnected(self, *_: object) -> None:
        self._lost.set()

    def _subscribed(self, _: object, __: int, granted: tuple[int, ...], *___: object) -> None:
        if not self._granted.done():
            self._granted.set_result(granted)

    async def _within_deadline(self, waited: Awaitable[Any]) -> Any:
        """Await `waited` unless the connection is lost first: gmqtt itself would wait for ever.

        While messages come, or the window is full and nothing is read, the answer may stand behind a
        backlog: then it has time.
        """
        task = asyncio.ensure_future(waited)
        lost = asyncio.ensure_future(self._lost.wait())
        either = {task, lost}
        try:
            done: set[asyncio.Future[Any]] = set()
            while not done:
                before = self._taken
                done, _ = await asyncio.wait(
                    either, timeout=CONNECT_DEADLINE_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not self._paused and self._taken == before:
                    break
            if not task.done():
                reason = "ends the connection" if self._lost.is_set() else "does not answer"
                raise NotConnected(f"{self._address!r} {reason}")
            return task.result()
        except (OSError, MQTTConnectError) as error:
            raise NotConnected(f"{self._address!r}: {error}") from error
        finally:
            task.cancel()
            lost.cancel()


def _text(topic: str | bytes) -> str:
    return topic if isinstance(topic, str) else topic.decode(errors="backslashreplace")
