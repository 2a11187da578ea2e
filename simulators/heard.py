"""What a device hears on its `down` topic (docs/protocol.md)."""

import msgspec


class Heard(msgspec.Struct, frozen=True):
    """A command as it came down (docs/protocol.md); unknown keys are ignored."""

    kind: str
    id: str | None = None
    alarm: str | None = None
    alert: str | None = None
    seq: int | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    fix_every_s: float | None = None


def read_heard(payload: bytes) -> Heard | None:
    """Return the command in `payload`, or None if it cannot be read."""
    try:
        return msgspec.json.decode(payload, type=Heard)
    except msgspec.MsgspecError:
        return None
