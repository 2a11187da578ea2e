"""Framer: cuts a byte stream into MQTT packets of a bounded size."""

from typing import NamedTuple

from ingest.errors import IngestError

_PUBLISH = 3


class ProtocolViolation(IngestError):
    """A peer sent what MQTT 3.1.1 does not allow; its connection is closed."""


class UnsupportedVersion(ProtocolViolation):
    """A peer speaks another MQTT."""


class Frame(NamedTuple):
    """One packet with its header taken off; `cut` bytes at the end of its body were thrown away."""

    kind: int
    flags: int
    body: bytes
    cut: int = 0


class Framer:
    """Cuts a byte stream into frames of at most `max_bytes`.

    With `head_bytes` a PUBLISH that is larger passes with so many bytes of its body, and the rest is never
    kept: to end the connection instead would have the client bring it again and again.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.head_bytes: int | None = None
        self._buffer = bytearray()
        self._start = 0
        self._large: Frame | None = None
        self._skip = 0

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
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
        if self._large is not None:
            if self._skip:
                return None
            large, self._large = self._large, None
            return large
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
        if length > self.max_bytes and self.head_bytes is not None and buffer[start] >> 4 == _PUBLISH:
            return self._behead(at, length)
        if length > self.max_bytes:
            raise ProtocolViolation(f"a packet of {length} bytes, more than {self.max_bytes}")
        end = at + length
        if end > size:
            self._wait()
            return None
        self._start = end
        return Frame(buffer[start] >> 4, buffer[start] & 0x0F, bytes(buffer[at:end]))

    def _behead(self, at: int, length: int) -> Frame | None:
        """Keep the head of the body, which begins at `at` and has `length` bytes; skip the rest."""
        buffer, start, kept = self._buffer, self._start, min(self.head_bytes or 0, length)
        if len(buffer) < at + kept:
            self._wait()
            return None
        self._large = Frame(
            buffer[start] >> 4, buffer[start] & 0x0F, bytes(buffer[at : at + kept]), length - kept
        )
        here = min(len(buffer) - at, length)
        self._start = at + here
        self._skip = length - here
        return self.next()

    def _wait(self) -> None:
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
