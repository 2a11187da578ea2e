"""Heard: what the bytes of one uplink said, and the register of the functions that read them."""

from collections.abc import Callable

import msgspec

from devices.reports import AlarmBase


class Heard(msgspec.Struct):
    """What a decoder read. `press` is a way of pressing: `short`, `long`, `double` or `unknown`.

    `alarm` is what the device itself calls an alarm, `doubtful` whether that was a word that nobody knows.
    `whole` is False when a part was not understood; `past` are places (lat, lon, epoch s) that were kept on
    the device.
    """

    press: str | None = None
    alarm: type[AlarmBase] | None = None
    doubtful: bool = False
    battery_pct: float | None = None
    lat: float | None = None
    lon: float | None = None
    motion: str | None = None
    firmware: str | None = None
    past: list[tuple[float, float, int]] = []
    whole: bool = True


Decoder = Callable[[int | None, bytes], Heard | None]
"""`decode(port, data)`: None when the bytes are not this device's; it raises nothing for any bytes."""

DECODERS: dict[str, Decoder] = {}


def decodes(name: str) -> Callable[[Decoder], Decoder]:
    """Register a decoder as that of the device model `name`, in lower case."""

    def register(decoder: Decoder) -> Decoder:
        DECODERS[name] = decoder
        return decoder

    return register
