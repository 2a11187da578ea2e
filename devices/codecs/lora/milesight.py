"""Milesight's frame: channel, type and value, again and again; each model has a table of its own.

After the payload definitions that Milesight publishes for its devices; numbers are little-endian.
"""

from collections.abc import Callable, Mapping

from devices.codecs.lora.heard import Heard

Value = Callable[[Heard, bytes], None]
Table = Mapping[tuple[int, int], tuple[int, Value]]
"""By channel and type: how long a value is, and what it says."""


def read_frame(data: bytes, table: Table) -> Heard | None:
    """Read `data` by `table`; None if not even its beginning is in it."""
    heard = Heard()
    at = 0
    while at < len(data):
        entry = table.get((data[at], data[at + 1])) if at + 2 <= len(data) else None
        if entry is None or at + 2 + entry[0] > len(data):
            heard.whole = False
            return heard if at else None
        length, take = entry
        take(heard, data[at + 2 : at + 2 + length])
        at += 2 + length
    return heard if at else None


def nothing(heard: Heard, value: bytes) -> None:
    """Pass over a value that is of no use here."""


def battery(heard: Heard, value: bytes) -> None:
    """Take the battery's charge in percent."""
    if value[0] <= 100:
        heard.battery_pct = float(value[0])


def firmware(heard: Heard, value: bytes) -> None:
    """Take the firmware's version, one byte for each of its two numbers."""
    heard.firmware = f"{value[0]:x}.{value[1]:x}"


def degrees(value: bytes) -> float:
    """Return the degrees in a signed number of millionths."""
    return int.from_bytes(value, "little", signed=True) / 1e6


COMMON: Table = {
    (0x01, 0x75): (1, battery),
    (0xFF, 0x01): (1, nothing),  # version of the protocol
    (0xFF, 0x08): (6, nothing),  # serial number
    (0xFF, 0x09): (2, nothing),  # version of the hardware
    (0xFF, 0x0A): (2, firmware),
    (0xFF, 0x0B): (1, nothing),  # switched on
    (0xFF, 0x0F): (1, nothing),  # LoRaWAN class
    (0xFF, 0x16): (8, nothing),  # serial number
    (0xFF, 0xFE): (1, nothing),  # was reset
    (0xFF, 0xFF): (2, nothing),  # version of the description
}
