"""RawClient: a TCP connection to a broker that says exactly what it is told, right or wrong."""

import socket
import ssl
import struct
from types import TracebackType
from typing import Any, Self

from ingest.broker import packets
from ingest.broker.framing import Frame, Framer
from tests.support.waiting import PATIENCE_S

CONNECT, PUBLISH, PUBREL, SUBSCRIBE, PINGREQ, DISCONNECT = 0x10, 0x30, 0x62, 0x82, 0xC0, 0xE0


def text(value: bytes) -> bytes:
    """A length-prefixed field."""
    return struct.pack("!H", len(value)) + value


def packet(head: int, body: bytes = b"") -> bytes:
    """A packet with its remaining length."""
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes((head,)) + bytes(length) + body


def connect(
    client_id: bytes,
    username: bytes | None = None,
    password: bytes | None = None,
    *,
    clean: bool = True,
    keep_alive_s: int = 60,
    will: tuple[bytes, bytes] | None = None,
    level: int = 4,
) -> bytes:
    """A CONNECT, by default of MQTT 3.1.1."""
    flags = 0x02 if clean else 0
    body = b""
    if will is not None:
        flags |= 0x0C
        body += text(will[0]) + text(will[1])
    if username is not None:
        flags |= 0x80
        body += text(username)
    if password is not None:
        flags |= 0x40
        body += text(password)
    head = text(b"MQTT") + struct.pack("!BBH", level, flags, keep_alive_s) + text(client_id)
    return packet(CONNECT, head + body)


def publish(topic: bytes, payload: bytes, packet_id: int = 0, qos: int = 1) -> bytes:
    """A PUBLISH."""
    number = struct.pack("!H", packet_id) if qos else b""
    return packet(PUBLISH | qos << 1, text(topic) + number + payload)


def subscribe(topic_filter: bytes, packet_id: int, qos: int = 1) -> bytes:
    """A SUBSCRIBE to one filter."""
    return packet(SUBSCRIBE, struct.pack("!H", packet_id) + text(topic_filter) + bytes((qos,)))


class RawClient:
    """One connection to `port` on this machine."""

    def __init__(self, port: int, timeout_s: float = PATIENCE_S, tls: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
        self._framer = Framer(1 << 28)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send bytes; a connection that the broker has ended takes them in silence."""
        try:
            self._socket.sendall(data)
        except ConnectionError:
            return

    def limit_s(self, timeout_s: float) -> None:
        """Wait for no more than this from now on."""
        self._socket.settimeout(timeout_s)

    def shown(self) -> dict[str, Any]:
        """What the broker's certificate says, as `ssl` tells it."""
        assert isinstance(self._socket, ssl.SSLSocket)
        return dict(self._socket.getpeercert() or {})

    def log_in(self, username: str, password: str, client_id: str = "raw", *, clean: bool = True) -> int:
        """Log in and return the CONNACK's code."""
        self.send(connect(client_id.encode(), username.encode(), password.encode(), clean=clean))
        return self.expect(packets.CONNACK).body[1]

    def next(self) -> Frame | None:
        """Return the next packet, or None if the broker ended the connection.

        Raises:
            TimeoutError: neither came in time.
        """
        while (frame := self._framer.next()) is None:
            try:
                data = self._socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return None
            if not data:
                return None
            self._framer.feed(data)
        return frame

    def expect(self, kind: int) -> Frame:
        """Return the next packet, which must be of `kind`."""
        frame = self.next()
        assert frame is not None, "the broker ended the connection"
        assert frame.kind == kind, frame
        return frame

    def ended(self) -> bool:
        """Tell whether the broker ends the connection, whatever it still says before."""
        try:
            while self.next() is not None:
                pass
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Vanish without a DISCONNECT."""
        self._socket.close()
