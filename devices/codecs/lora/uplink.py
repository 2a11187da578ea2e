"""Uplink: which decoder reads an uplink, and what to make of one that the network has decoded already."""

from collections.abc import Iterator, Mapping
from typing import Any

from devices.codecs.alarm_words import KINDS, plain, read_words, strongest
from devices.codecs.lenient import as_number
from devices.codecs.lora import at101, ws101
from devices.codecs.lora.heard import DECODERS, Heard
from devices.reports import AlarmBase, PanicPressed

MODELS = (ws101, at101)
"""The modules of the decoders: a new one is registered by being named here."""

_PRESSES = {"1": "short", "2": "long", "3": "double", "short": "short", "long": "long", "double": "double"}
_PRESS_NAMES = "press pressed button buttonpress buttonpressed buttonevent buttonstate buttonstatus"
_PRESS_FIELDS = frozenset(_PRESS_NAMES.split())
_PRESSED = _PRESS_FIELDS - {"button"}  # which may be what the device is
_ALARM_FIELDS = frozenset({"alarm", "alarmstatus", "alarmevent", "alarmtype"})
_EVENT_FIELDS = frozenset({"event", "eventname", "eventtype", "messagetype", "type"})
_LAT, _LON = frozenset({"latitude", "lat"}), frozenset({"longitude", "lon", "lng"})
_BATTERY = frozenset({"battery", "batterylevel", "batterypct", "batterypercent", "batterypercentage"})
_PLACES = frozenset({"gps", "location", "position"})
_SETTINGS = frozenset({"config", "configuration", "setting", "settings"})
_NOT_ON = "0 false none no released release notpressed unpressed idle off null normal install installed"
_OFF = frozenset(["", *_NOT_ON.split()])
_ON = frozenset({"1", "true", "on", "yes"})
_DEEPEST = 4


def decode(model: str | None, port: int | None, data: bytes) -> Heard | None:
    """Return what `data` says: by the decoder whose name is in `model`, else by one that knows it all."""
    named = [decoder for name, decoder in DECODERS.items() if name in plain(model or "")]
    tried = [decoder(port, data) for decoder in named or DECODERS.values()]
    heard = [one for one in tried if one is not None]
    alarming = [one for one in heard if one.press is not None or one.alarm is not None]
    whole = [one for one in heard if one.whole]
    return next(iter([*whole, *alarming, *heard]), None)


def take_decoded(decoded: Mapping[str, Any]) -> Heard | None:
    """Return what a network's own decoder found (`object` of a ChirpStack event), whatever its names are.

    Alarms are looked for at any depth. None if it has no name that is known here.
    """
    heard = Heard()
    known = [_take_alarm(heard, plain(name), value) for name, value in _members(decoded)]
    placed = [value for name, value in decoded.items() if plain(name) in _PLACES and isinstance(value, dict)]
    for place in (decoded, *placed):
        known += [_take_measure(heard, plain(name), value) for name, value in place.items()]
    return heard if any(known) else None


def _members(decoded: Mapping[str, Any], depth: int = _DEEPEST) -> Iterator[tuple[str, Any]]:
    """Return the members of an object and of those in it; what a device is set to is none of them."""
    for name, value in decoded.items():
        yield name, value
        inner = value if isinstance(value, list) else [value]
        if depth and plain(name) not in _SETTINGS:
            for one in inner:
                if isinstance(one, dict):
                    yield from _members(one, depth - 1)


def _take_alarm(heard: Heard, called: str, value: Any) -> bool:
    """Take in a press or an alarm, and tell whether the member is one that may say so."""
    said = plain(_said(value))
    kind: type[AlarmBase] | None = None
    if called in _PRESS_FIELDS or (called in _EVENT_FIELDS and said in _PRESSED):
        heard.press = heard.press if said in _OFF else _press(said)
        return True
    if called in _EVENT_FIELDS:
        kind = _kind(said.strip(".!"))
        is_known = kind is not None
    elif called in _ALARM_FIELDS:
        is_known, is_doubtful = True, False
        if said in _ON:
            kind = PanicPressed
        elif said not in _OFF:
            kind, is_doubtful = read_words(_inner(value))
        heard.doubtful = heard.doubtful or is_doubtful
    else:
        kind = _kind(called)
        is_known = kind is not None
        kind = None if said in _OFF else kind
    heard.alarm = strongest((heard.alarm, kind))
    return is_known


def _take_measure(heard: Heard, called: str, value: Any) -> bool:
    """Take in a charge or a coordinate, and tell whether the member is one."""
    number = as_number(value)
    if called in _BATTERY and number is not None and 0 <= number <= 100:
        heard.battery_pct = number
    elif called in _LAT:
        heard.lat = number if heard.lat is None else heard.lat
    elif called in _LON:
        heard.lon = number if heard.lon is None else heard.lon
    return called in _BATTERY | _LAT | _LON


def _press(said: str) -> str:
    return next((press for word, press in _PRESSES.items() if said.startswith(word)), "unknown")


def _kind(called: str) -> type[AlarmBase] | None:
    for ending in ("alarm", "status", "event", "detected", "button"):
        called = called.removesuffix(ending)
    return KINDS.get(called)


def _inner(value: Any) -> Any:
    if isinstance(value, dict):  # {"status": "short press", "msgid": 7}
        return value.get("status", value.get("value", value))
    return value


def _said(value: Any) -> str:
    said = _inner(value)
    if isinstance(said, float) and said.is_integer():  # numbers of a protobuf struct
        said = int(said)
    return "unknown" if isinstance(said, dict | list) else str(said)
