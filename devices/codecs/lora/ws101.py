"""Milesight WS101: the button, also sold as an SOS button."""

from devices.codecs.lora.heard import Heard, decodes
from devices.codecs.lora.milesight import COMMON, Table, read_frame

_PRESSES = {1: "short", 2: "long", 3: "double"}
_PRESS = b"\xff\x2e"


def _press(heard: Heard, value: bytes) -> None:
    heard.press = _PRESSES.get(value[0], "unknown")
    heard.whole = heard.whole and heard.press != "unknown"


_TABLE: Table = {**COMMON, (0xFF, 0x2E): (1, _press)}


@decodes("ws101")
def decode(port: int | None, data: bytes) -> Heard | None:
    """Read an uplink; a press behind something that nobody knows is a press."""
    heard = read_frame(data, _TABLE)
    if (heard is None or not (heard.whole or heard.press)) and _PRESS in data:
        heard = heard or Heard(whole=False)
        after = data.partition(_PRESS)[2]
        heard.press = _PRESSES.get(after[0], "unknown") if after else "unknown"
    return heard
