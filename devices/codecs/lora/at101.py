"""Milesight AT101: the tracker, with a switch that notices when it is taken off."""

from devices.codecs.lora.heard import Heard, decodes
from devices.codecs.lora.milesight import COMMON, Table, degrees, nothing, read_frame
from devices.reports import TamperDetected

_MOTIONS = {1: "start", 2: "moving", 3: "stop"}
_NO_PLACE = b"\xff" * 8


def _location(heard: Heard, value: bytes) -> None:
    heard.motion = _MOTIONS.get(value[8] & 0x0F)
    if value[:8] != _NO_PLACE:
        heard.lat, heard.lon = degrees(value[:4]), degrees(value[4:8])


def _history(heard: Heard, value: bytes) -> None:
    if value[4:] != _NO_PLACE:  # here the longitude comes first
        heard.past.append((degrees(value[8:]), degrees(value[4:8]), int.from_bytes(value[:4], "little")))


def _tamper(heard: Heard, value: bytes) -> None:
    if value[0] == 1:
        heard.alarm = TamperDetected


_TABLE: Table = {
    **COMMON,
    (0x03, 0x67): (2, nothing),  # temperature
    (0x83, 0x67): (3, nothing),
    (0x04, 0x88): (9, _location),
    (0x84, 0x88): (9, _location),  # with a fence of its own
    (0x05, 0x00): (1, nothing),  # upright or tilted
    (0x06, 0xD9): (9, nothing),  # a Wi-Fi station
    (0x07, 0x00): (1, _tamper),
    (0x20, 0xCE): (12, _history),
}


@decodes("at101")
def decode(port: int | None, data: bytes) -> Heard | None:
    """Read an uplink."""
    return read_frame(data, _TABLE)
