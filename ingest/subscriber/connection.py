"""Generation: one connection of the subscriber, used once; nothing of it outlives its loss.

gmqtt acknowledges on whatever connection its client has when the handler returns. After a reconnect that
can confirm another, unlogged message, for packet ids start again. So each connection has a client of its
own, which never reconnects: an acknowledgement that comes too late finds its connection closed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
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
_ACKNOWLEDGE = 0
_REFUSED = 0x80
_KEEP_RETAINED_TO_FIRST = 1

Receiver = Callable[[str, bytes], Awaitable[None]]

# It logs each packet, and payloads with it.
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)


class Generation:
    """A connection that hands each message to `receive` and acknowledges it when that has returned."""

    def __init__(self, address: BrokerAddress, client_id: str, window: Window, receive: Receiver) -> None:
        self._address = address
        self._window = window
        self._receive = receive
        self._lost = asyncio.Event()
        self._closed = False
        self._paused = False
        self._granted: asyncio.Future[tuple[int, ...]] = asyncio.get_running_loop().create_future()
        self._handlers: set[asyncio.Task[Any]] = set()
        properties: dict[str, int] = {}
        if address.version is MqttVersion.V5:
            properties = {"session_expiry_interval": SESSION_EXPIRY_S, "receive_maximum": window.size}
        self._client = gmqtt.Client(
            client_id, clean_session=False, optimistic_acknowledgement=False, **properties
        )
        self._client.reconnect_retries = _NEVER
        self._client.on_message = self._received
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
        self._closed = True
        # OSError: the connection was reset meanwhile, which is what was wanted.
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await self._client.disconnect()

    async def finish(self, deadline_s: float) -> None:
        """Take in nothing more, acknowledge what admission still makes durable in time, and disconnect."""
        self.pause()
        if self._handlers:
            await asyncio.wait(self._handlers, timeout=deadline_s)
        await self.close()
        for task in self._handlers:
            task.cancel()

    def pause(self) -> None:
        """Stop reading from the socket; the broker is held back by TCP, which every broker honours."""
        self._paused = True
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()

    async def _received(self, _: object, topic: str | bytes, payload: bytes, *__: object) -> int:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._handlers.add(task)
        if isinstance(topic, bytes):
            topic = topic.decode(errors="backslashreplace")
        try:
            arrival = self._receive(topic, bytes(payload))
            if self._window.full:
                self.pause()
            await arrival
        except asyncio.CancelledError:
            if not self._closed:
                raise
            # Nothing can be acknowledged here any more, so gmqtt may be told anything but an error.
        finally:
            self._handlers.discard(task)
            self._resume()
        return _ACKNOWLEDGE

    def _resume(self) -> None:
        transport = self._transport
        if self._paused and self._window.roomy and transport is not None and not transport.is_closing():
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

        While the window is full nothing is read, so the answer may stand behind a backlog: then it has time.
        """
        task = asyncio.ensure_future(waited)
        lost = asyncio.ensure_future(self._lost.wait())
        either = {task, lost}
        try:
            done: set[asyncio.Future[Any]] = set()
            while not done:
                done, _ = await asyncio.wait(
                    either, timeout=CONNECT_DEADLINE_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not self._paused:
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
