"""The link of one device to a broker: a connection at a time, with its last will."""

import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import aiomqtt

from devices import topics
from simulators import payloads
from simulators.address import Broker
from simulators.errors import LinkDown
from simulators.roster import Credentials

_KEEPALIVE_S = 20
_TIMEOUT_S = 10.0

# paho tells each lost connection, at ERROR even; devices lose them as a matter of course.
_quiet = logging.getLogger("simulators.mqtt")
_quiet.setLevel(logging.CRITICAL)


class Link:
    """Opens connections with a device's own credentials; never more than one at a time."""

    def __init__(self, broker: Broker, credentials: Credentials, keepalive_s: int = _KEEPALIVE_S) -> None:
        self._broker = broker
        self._credentials = credentials
        self._keepalive_s = keepalive_s
        self._socket: socket.socket | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[aiomqtt.Client]:
        """Connect, subscribe to the device's own `down`, and hang up in the end.

        Raises:
            LinkDown: it could not be opened, or broke (also out of the body's MqttError).
        """
        device = self._credentials.id
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=device,
            password=self._credentials.secret,
            identifier=device,
            # Sessions of devices end with the connection: only ingest needs a durable one.
            clean_session=True,
            will=aiomqtt.Will(topics.up(device, "status"), payloads.last_will(), qos=1, retain=True),
            keepalive=self._keepalive_s,
            timeout=_TIMEOUT_S,
            logger=_quiet,
        )
        try:
            async with client:
                self._socket = _socket_of(client)
                await client.subscribe(topics.down(device), qos=1)
                yield client
        except aiomqtt.MqttError as error:
            raise LinkDown(f"{device}: {error}") from error
        finally:
            _hang_up(client)
            self._socket = None

    def cut(self) -> None:
        """Break the connection without a word (no DISCONNECT), so that the broker sends the last will."""
        if self._socket is not None:
            _shut(self._socket)


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
