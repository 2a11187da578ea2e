"""The MQTT 3.1.1 wire format, the server's half: bytes to packets and packets to bytes.

Section numbers are those of the OASIS standard MQTT Version 3.1.1.
"""

import struct
from typing import NamedTuple

from ingest.broker.framing import Frame, ProtocolViolation, UnsupportedVersion

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14

ACCEPTED, BAD_VERSION, BAD_CLIENT_ID, UNAVAILABLE, NOT_AUTHORIZED = 0, 1, 2, 3, 5
SUBSCRIPTION_REFUSED = 0x80
PING_ANSWER = bytes((PINGRESP << 4, 0))
MAX_TOPIC_BYTES = 4096

_VERSION = 4
_QOS_NEVER = 3


class Will(NamedTuple):
    """What to publish for a client that vanishes."""

    topic: str
    payload: bytes


class Connect(NamedTuple):
    """A client introduces itself."""

    client_id: str
    clean: bool
    keep_alive_s: int
    will: Will | None
    username: str | None
    password: bytes | None


class Publish(NamedTuple):
    """A message; `packet_id` is 0 at QoS 0."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int


class Subscribe(NamedTuple):
    """Wishes of (filter, QoS)."""

    packet_id: int
    wishes: list[tuple[str, int]]


class Unsubscribe(NamedTuple):
    """Filters no longer wanted."""

    packet_id: int
    filters: list[str]


def read_connect(frame: Frame) -> Connect:
    """Read the first packet of a client (§3.1).

    Raises:
        UnsupportedVersion: it speaks another MQTT.
        ProtocolViolation: it is no CONNECT, or malformed.
    """
    if frame.kind != CONNECT or frame.flags:
        raise ProtocolViolation("the first packet is no CONNECT")
    body = frame.body
    name, at = _text(body, 0)
    if len(body) < at + 4:
        raise ProtocolViolation("a truncated CONNECT")
    version, flags, keep_alive_s = struct.unpack_from("!BBH", body, at)
    if name != "MQTT" or version != _VERSION:
        raise UnsupportedVersion(f"protocol {name!r} level {version}: only MQTT 3.1.1 is spoken here")
    if flags & 0x01:
        raise ProtocolViolation("a reserved flag of CONNECT is set")
    client_id, at = _text(body, at + 4)
    will: Will | None = None
    if flags & 0x04:
        if flags >> 3 & 3 == _QOS_NEVER:
            raise ProtocolViolation("a will of QoS 3")
        topic, at = _text(body, at)
        payload, at = _binary(body, at)
        will = Will(_topic_name(topic), payload)
    elif flags & 0x38:
        raise ProtocolViolation("will flags without a will")
    username: str | None = None
    password: bytes | None = None
    if flags & 0x80:
        username, at = _text(body, at)
    if flags & 0x40:
        if username is None:
            raise ProtocolViolation("a password without a user name")
        password, at = _binary(body, at)
    if at != len(body):
        raise ProtocolViolation("bytes after the end of CONNECT")
    return Connect(client_id, bool(flags & 0x02), keep_alive_s, will, username, password)


def read_publish(frame: Frame) -> Publish:
    """Read a PUBLISH (§3.3).

    Raises:
        ProtocolViolation: it is malformed, or its topic is none.
    """
    qos = frame.flags >> 1 & 3
    if qos == _QOS_NEVER:
        raise ProtocolViolation("a publish of QoS 3")
    body = frame.body
    topic, at = _text(body, 0)
    packet_id = 0
    if qos:
        packet_id, at = _packet_id(body, at)
    return Publish(_topic_name(topic), body[at:], qos, packet_id)


def read_subscribe(frame: Frame) -> Subscribe:
    """Read a SUBSCRIBE (§3.8).

    Raises:
        ProtocolViolation: it is malformed.
    """
    _expect_flags(frame, 2)
    body = frame.body
    packet_id, at = _packet_id(body, 0)
    wishes = []
    while at < len(body):
        topic_filter, at = _text(body, at)
        if at >= len(body) or body[at] > 2:
            raise ProtocolViolation("a subscription without a valid QoS")
        wishes.append((_filter(topic_filter), body[at]))
        at += 1
    if not wishes:
        raise ProtocolViolation("a SUBSCRIBE to nothing")
    return Subscribe(packet_id, wishes)


def read_unsubscribe(frame: Frame) -> Unsubscribe:
    """Read an UNSUBSCRIBE (§3.10).

    Raises:
        ProtocolViolation: it is malformed.
    """
    _expect_flags(frame, 2)
    packet_id, at = _packet_id(frame.body, 0)
    filters = []
    while at < len(frame.body):
        topic_filter, at = _text(frame.body, at)
        filters.append(topic_filter)
    if not filters:
        raise ProtocolViolation("an UNSUBSCRIBE from nothing")
    return Unsubscribe(packet_id, filters)


def read_acknowledged(frame: Frame) -> int:
    """Return the packet id of a PUBACK, PUBREC, PUBREL or PUBCOMP.

    Raises:
        ProtocolViolation: it is malformed.
    """
    _expect_flags(frame, 2 if frame.kind == PUBREL else 0)
    packet_id, at = _packet_id(frame.body, 0)
    if at != len(frame.body):
        raise ProtocolViolation("an acknowledgement of the wrong size")
    return packet_id


def connack(code: int, *, session_present: bool = False) -> bytes:
    """Build a CONNACK (§3.2)."""
    return bytes((CONNACK << 4, 2, session_present, code))


def acknowledgement(kind: int, packet_id: int) -> bytes:
    """Build a PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK."""
    flags = 2 if kind == PUBREL else 0
    return struct.pack("!BBH", kind << 4 | flags, 2, packet_id)


def suback(packet_id: int, granted: list[int]) -> bytes:
    """Build a SUBACK (§3.9)."""
    body = struct.pack("!H", packet_id) + bytes(granted)
    return bytes((SUBACK << 4,)) + _length(len(body)) + body


def publish(topic: bytes, payload: bytes, qos: int, packet_id: int, *, again: bool = False) -> bytes:
    """Build a PUBLISH (§3.3); `again` marks a redelivery."""
    head = PUBLISH << 4 | again << 3 | qos << 1
    size = 2 + len(topic) + (2 if qos else 0) + len(payload)
    parts = [bytes((head,)), _length(size), struct.pack("!H", len(topic)), topic]
    if qos:
        parts.append(struct.pack("!H", packet_id))
    parts.append(payload)
    return b"".join(parts)


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def _expect_flags(frame: Frame, flags: int) -> None:
    if frame.flags != flags:
        raise ProtocolViolation(f"packet type {frame.kind} with flags {frame.flags}")


def _packet_id(body: bytes, at: int) -> tuple[int, int]:
    if len(body) < at + 2:
        raise ProtocolViolation("a truncated packet id")
    packet_id = body[at] << 8 | body[at + 1]
    if packet_id == 0:
        raise ProtocolViolation("packet id 0")
    return packet_id, at + 2


def _binary(body: bytes, at: int) -> tuple[bytes, int]:
    if len(body) < at + 2:
        raise ProtocolViolation("a truncated length")
    start = at + 2
    end = start + (body[at] << 8 | body[at + 1])
    if len(body) < end:
        raise ProtocolViolation("a truncated field")
    return body[start:end], end


def _text(body: bytes, at: int) -> tuple[str, int]:
    data, at = _binary(body, at)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ProtocolViolation("text that is no UTF-8") from error
    if "\0" in text:
        raise ProtocolViolation("text with a null character")
    return text, at


def _topic_name(topic: str) -> str:
    if not topic or "#" in topic or "+" in topic:
        raise ProtocolViolation("a publish to no topic or to a filter")
    if len(topic.encode()) > MAX_TOPIC_BYTES:
        raise ProtocolViolation(f"a topic of more than {MAX_TOPIC_BYTES} bytes")
    return topic


def _filter(topic_filter: str) -> str:
    levels = topic_filter.split("/")
    for index, level in enumerate(levels):
        hash_misplaced = "#" in level and (level != "#" or index != len(levels) - 1)
        if hash_misplaced or ("+" in level and level != "+"):
            raise ProtocolViolation("a malformed topic filter")
    if not topic_filter:
        raise ProtocolViolation("an empty topic filter")
    return topic_filter
