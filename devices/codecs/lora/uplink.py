"""Uplink: which decoder reads an uplink, and what to make of one that the network has decoded already."""

from collections.abc import Mapping
from typing import Any

from devices import reports
from devices.codecs.alarm_words import KINDS, plain, read_words
from devices.codecs.lora import at101, ws101
from devices.codecs.lora.heard import DECODERS, Heard
from devices.reports import AlarmBase

MODELS = (ws101, at101)
"""The modules of the decoders: a new one is registered by being named here."""

_PRESSES = {"1": "short", "2": "long", "3": "double", "short": "short", "long": "long", "double": "double"}
_PRESS_FIELDS = frozenset({"press", "pressed", "button", "buttonpress", "buttonevent", "buttonstatus"})
_ALARM_FIELDS = frozenset({"alarm", "alarmstatus", "alarmevent", "alarmtype"})
_NOT_PRESSED = "0 false none no released release notpressed unpressed idle off null normal"
_RELEASED = frozenset(["", *_NOT_PRESSED.split()])


def decode(model: str | None, port: int | None, data: bytes) -> Heard | None:
    """Return what `data` says: by the decoder whose name is in `model`, else by one that knows it all."""
    named = [decoder for name, decoder in DECODERS.items() if name in plain(model or "")]
    tried = [decoder(port, data) for decoder in named or DECODERS.values()]
    heard = [one for one in tried if one is not None]
    alarming = [one for one in heard if one.press is not None or one.alarm is not None]
    whole = [one for one in heard if one.whole]
    return next(iter([*whole, *alarming, *heard]), None)


def take_decoded(decoded: Mapping[str, Any]) -> Heard:
    """Return what a network's own decoder found (`object` of a ChirpStack event), whatever its names are."""
    heard = Heard()
    for name, value in decoded.items():
        called = plain(name)
        if called in _PRESS_FIELDS:
            heard.press = _press(value) or heard.press
        elif called in _ALARM_FIELDS:
            heard.alarm = read_words(_said(value))[0] or heard.alarm
        elif (kind := _kind(called)) is not None and plain(_said(value)) not in _RELEASED:
            heard.alarm = kind
        elif called in {"battery", "batterylevel", "batterypct"} and _is_number(value) and 0 <= value <= 100:
            heard.battery_pct = float(value)
        elif called in {"latitude", "lat"} and _is_number(value):
            heard.lat = float(value)
        elif called in {"longitude", "lon", "lng"} and _is_number(value):
            heard.lon = float(value)
        elif called == "tamperstatus" and plain(_said(value)) in {"uninstall", "1", "true"}:
            heard.alarm = reports.TamperDetected
    return heard


def _press(value: Any) -> str | None:
    said = plain(_said(value))
    if said in _RELEASED:
        return None
    return next((press for word, press in _PRESSES.items() if said.startswith(word)), "unknown")


def _kind(called: str) -> type[AlarmBase] | None:
    for ending in ("alarm", "status", "event", "detected", "button"):
        called = called.removesuffix(ending)
    return KINDS.get(called)


def _said(value: Any) -> str:
    if isinstance(value, dict):  # {"status": "short press", "msgid": 7}
        value = value.get("status", value.get("value", "unknown"))
    if isinstance(value, float) and value.is_integer():  # numbers of a protobuf struct
        value = int(value)
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
