"""The link of one device to a broker: a connection at a time, with its last will."""

import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import aiomqtt

from devices import topics
from simulators import payloads
from simulators.address import Broker
from simulators.errors import LinkDown
from simulators.line import Line
from simulators.outbox import Letter
from simulators.roster import Credentials

_KEEPALIVE_S = 20
_TIMEOUT_S = 10.0

# paho tells each lost connection, at ERROR even; devices lose them as a matter of course.
_quiet = logging.getLogger("simulators.mqtt")
_quiet.setLevel(logging.CRITICAL)


class Wiring(NamedTuple):
    """Which topics a device uses: that of each channel, and those where it hears and leaves its last will.

    `client` is its client id; what it says on `retained` channels the broker keeps for whoever comes later.
    """

    client: str
    up: Callable[[str], str]
    down: str | None = None
    will: tuple[str, bytes] | None = None
    retained: frozenset[str] = frozenset()


def native_wiring(device: str) -> Wiring:
    """Return the topics of docs/protocol.md."""
    return Wiring(
        client=device,
        up=lambda channel: f"{topics.PREFIX}/{device}/{channel}",
        down=topics.down(device),
        will=(topics.up(device, "status"), payloads.last_will()),
        retained=frozenset({"status"}),
    )


class MqttLink:
    """Opens connections with a device's (or its gateway's) credentials; never more than one at a time."""

    def __init__(
        self,
        broker: Broker,
        credentials: Credentials,
        wiring: Wiring | None = None,
        keepalive_s: int = _KEEPALIVE_S,
    ) -> None:
        """Without a `wiring` it is a native device's."""
        self._broker = broker
        self._credentials = credentials
        self._wiring = wiring or native_wiring(credentials.id)
        self._keepalive_s = keepalive_s
        self._socket: socket.socket | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        """Connect, subscribe to what the device is told, and hang up in the end.

        Raises:
            LinkDown: it could not be opened, or broke.
        """
        client = self._client()
        try:
            async with client:
                self._socket = _socket_of(client)
                if self._wiring.down is not None:
                    await client.subscribe(self._wiring.down, qos=1)
                yield _MqttLine(client, self._wiring)
        except aiomqtt.MqttError as error:
            raise LinkDown(f"{self._broker}: {error}") from error
        finally:
            _hang_up(client)
            self._socket = None

    def _client(self) -> aiomqtt.Client:
        will = self._wiring.will
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._credentials.id,
            password=self._credentials.secret,
            identifier=self._wiring.client,
            # Sessions of devices end with the connection: only ingest needs a durable one.
            clean_session=True,
            will=aiomqtt.Will(will[0], will[1], qos=1, retain=True) if will is not None else None,
            keepalive=self._keepalive_s,
            timeout=_TIMEOUT_S,
            logger=_quiet,
        )

    def cut(self) -> None:
        """Break the connection without a word (no DISCONNECT), so that the broker sends the last will."""
        if self._socket is not None:
            _shut(self._socket)


class _MqttLine:
    def __init__(self, client: aiomqtt.Client, wiring: Wiring) -> None:
        self._client, self._wiring = client, wiring

    async def say(self, letter: Letter) -> list[bytes]:
        retain = letter.channel in self._wiring.retained
        await self._client.publish(self._wiring.up(letter.channel), letter.payload, qos=1, retain=retain)
        return []

    async def listen(self) -> AsyncIterator[bytes]:
        async for message in self._client.messages:
            yield message.payload


def _socket_of(client: aiomqtt.Client) -> socket.socket | None:
    # aiomqtt has no public way to its socket, and none to leave without DISCONNECT.
    found = client._client.socket()
    return found if isinstance(found, socket.socket) else None


def _hang_up(client: aiomqtt.Client) -> None:
    """Free what a connection attempt that failed half-way leaves behind; its reader then cleans up."""
    left = _socket_of(client)
    if left is not None:
        _shut(left)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # already closed by the other side
        connection.shutdown(socket.SHUT_RDWR)
