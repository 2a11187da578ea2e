"""Listening: where the service on a directory of data listens, for commands that are run beside it."""

from pathlib import Path

import msgspec
import structlog

_log = structlog.get_logger(__name__)
_FILE = "listening.json"


class Listening(msgspec.Struct, frozen=True):
    """Where HTTP is heard, `host:port`, and the port of the broker."""

    http: str
    mqtt_port: int


def note_listening(data_dir: Path, listening: Listening) -> None:
    """Leave word of it, in place of what an earlier service left. A service that cannot goes on without."""
    try:
        (data_dir / _FILE).write_bytes(msgspec.json.encode(listening))
    except OSError as error:
        _log.warning("no word of where it listens", action="listening_not_noted", error=str(error))


def read_listening(data_dir: Path) -> Listening | None:
    """Return what the last service left word of; None if there was none."""
    try:
        return msgspec.json.decode((data_dir / _FILE).read_bytes(), type=Listening)
    except (OSError, msgspec.DecodeError):
        return None
