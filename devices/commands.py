"""Commands down to a device, and their native form on its `down` topic."""

from typing import Literal

import msgspec

from devices.rfc3339 import rfc3339

CommandKind = Literal[
    "alarm_received", "alarm_acknowledged", "alarm_closed", "locate", "resend", "configure", "message"
]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something a device is told.

    `alarm` is the device's own alarm id (its `seq` as text where it gave none) and `alert` the alert's
    id; both are set on the `alarm_*` kinds. `details` holds what other kinds need. After `expires_ms` it
    is of no use any more (None: it always is). `codec` is the dialect that the device understands.
    """

    id: str
    device: str
    kind: CommandKind
    at_ms: int
    alarm: str | None = None
    seq: int | None = None
    alert: str | None = None
    details: dict[str, str | int | float | bool | None] = {}
    expires_ms: int | None = None
    codec: str = "native"


def encode(command: Command) -> bytes:
    """Return the native JSON payload of `command`."""
    payload: dict[str, object] = {"kind": command.kind, "id": command.id, "time": rfc3339(command.at_ms)}
    for key in ("alarm", "seq", "alert"):
        value = getattr(command, key)
        if value is not None:
            payload[key] = value
    if command.expires_ms is not None:
        payload["expires"] = rfc3339(command.expires_ms)
    return msgspec.json.encode({**command.details, **payload})
