"""Framer: cuts a byte stream into MQTT packets of a bounded size."""

from typing import NamedTuple

from ingest.errors import IngestError


class ProtocolViolation(IngestError):
    """A peer sent what MQTT 3.1.1 does not allow; its connection is closed."""


class UnsupportedVersion(ProtocolViolation):
    """A peer speaks another MQTT."""


class Frame(NamedTuple):
    """One packet with its header taken off."""

    kind: int
    flags: int
    body: bytes


class Framer:
    """Cuts a byte stream into frames of at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._buffer = bytearray()
        self._start = 0

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer += data

    @property
    def head(self) -> int | None:
        """The first byte of the next packet, if it is here."""
        return self._buffer[self._start] if self._start < len(self._buffer) else None

    def next(self) -> Frame | None:
        """Return the next complete frame, or None until more is fed.

        Raises:
            ProtocolViolation: the stream is no MQTT, or the frame is too large.
        """
        buffer, start = self._buffer, self._start
        size = len(buffer)
        length, at = 0, start + 1
        while True:
            if at >= size:
                self._wait()
                return None
            byte = buffer[at]
            length |= (byte & 0x7F) << (7 * (at - start - 1))
            at += 1
            if byte < 0x80:
                break
            if at - start > 4:
                raise ProtocolViolation("a remaining length of more than four bytes")
        if length > self.max_bytes:
            raise ProtocolViolation(f"a packet of {length} bytes, more than {self.max_bytes}")
        end = at + length
        if end > size:
            self._wait()
            return None
        self._start = end
        return Frame(buffer[start] >> 4, buffer[start] & 0x0F, bytes(buffer[at:end]))

    def _wait(self) -> None:
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
