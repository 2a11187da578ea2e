"""Listening: where the service on a directory of data listens, for commands that are run beside it."""

from pathlib import Path

import msgspec

_FILE = "listening.json"


class Listening(msgspec.Struct, frozen=True):
    """Where HTTP is heard, `host:port`, and the port of the broker."""

    http: str
    mqtt_port: int


def note_listening(data_dir: Path, listening: Listening) -> None:
    """Leave word of it. What an earlier service left is replaced."""
    path = data_dir / _FILE
    path.write_bytes(msgspec.json.encode(listening))
    path.chmod(0o600)


def read_listening(data_dir: Path) -> Listening | None:
    """Return what the last service left word of; None if there was none."""
    try:
        return msgspec.json.decode((data_dir / _FILE).read_bytes(), type=Listening)
    except (OSError, msgspec.DecodeError):
        return None
