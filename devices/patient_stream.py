"""A patient stream: where a process writes its own log, whatever becomes of what it is written to."""

from contextlib import suppress
from typing import TextIO, cast


def patient(stream: TextIO) -> TextIO:
    """Return what writes to `stream` what can be written, and drops the rest.

    The disk that a log goes to may be full, or the pipe closed: that must not end what it tells of.
    """
    return cast("TextIO", _PatientStream(stream))


class _PatientStream:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()
