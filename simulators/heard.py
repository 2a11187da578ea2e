"""What a device hears on its `down` topic (docs/protocol.md)."""

import msgspec

from devices.rfc3339 import parse_rfc3339


class Heard(msgspec.Struct, frozen=True):
    """A command as it came down (docs/protocol.md); unknown keys are ignored."""

    kind: str
    id: str | None = None
    alarm: str | None = None
    alert: str | None = None
    seq: int | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    fix_every_s: float | msgspec.UnsetType | None = msgspec.UNSET
    expires: str | None = None

    def is_over(self, now_ms: int) -> bool:
        """Tell whether it came too late to be of use."""
        return self.expires is not None and parse_rfc3339(self.expires) <= now_ms


def read_heard(payload: bytes) -> Heard | None:
    """Return the command in `payload`, or None if it cannot be read."""
    try:
        heard = msgspec.json.decode(payload, type=Heard)
        heard.is_over(0)
    except (msgspec.MsgspecError, ValueError):
        return None
    return heard
