"""Checks: what master data must satisfy, whoever enters it; each returns the value to store.

All raise `InvalidInput` with what was given and what was expected.
"""

import math
import re
import unicodedata
from collections.abc import Collection
from urllib.parse import urlsplit

from safety.errors import InvalidInput

# Control characters, line breaks, and the lone surrogates that undecodable arguments become.
_NOT_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
# What of it stands between words and lines, as they are typed and pasted.
_BETWEEN_LINES = frozenset("\t\n\r\u2028\u2029")
_LONGEST_NAME = 200
_LONGEST_CHANNEL = 2000
_LARGEST_RADIUS_M = 100_000.0
_SHORTEST_CHECK_IN_S = 1.0
_LONGEST_CHECK_IN_S = 86_400.0
_LONGEST_EXTERNAL_ID = 64
_EARLIEST_MS = 946_684_800_000
"""2000. What lies before is a number of seconds taken for milliseconds."""
_DEV_EUI = re.compile(r"[0-9A-Fa-f]{16}")


def text(value: str, what: str, longest: int = _LONGEST_NAME) -> str:
    """Return `value` without the space around it: text of 1 to `longest` characters."""
    return _plain(value, what, longest)


def prose(value: str, what: str, longest: int) -> str:
    """Return `value` without the space around it: `text` that may have several lines, and tabs."""
    return _plain(value, what, longest, _BETWEEN_LINES)


def optional_text(value: str | None, what: str, longest: int = _LONGEST_NAME) -> str | None:
    """Return `text(value)`, or None for None and for blank text."""
    return None if value is None or not value.strip() else text(value, what, longest)


def optional_prose(value: str | None, what: str, longest: int) -> str | None:
    """Return `prose(value)`, or None for None and for blank text."""
    return None if value is None or not value.strip() else prose(value, what, longest)


def external_id(value: str | None, codec: str, what: str = "external id") -> str | None:
    """Return what others call a device that speaks `codec`, as it was given; None for None and blank text.

    ChirpStack calls it by its DevEUI, which is found in upper and in lower case.
    """
    called = optional_text(value, what, _LONGEST_EXTERNAL_ID)
    if called is not None and codec == "chirpstack" and not _DEV_EUI.fullmatch(called):
        raise InvalidInput(f"{called!r} is no DevEUI: expected 16 hex digits", _field(what))
    return called


def place(lat: float, lon: float) -> tuple[float, float]:
    """Return (lat, lon) in degrees WGS-84 if they are on earth."""
    if not math.isfinite(lat) or not -90 <= lat <= 90:
        raise InvalidInput(f"lat {lat:g} is not a latitude: expected -90 to 90 degrees", "lat")
    if not math.isfinite(lon) or not -180 <= lon <= 180:
        raise InvalidInput(f"lon {lon:g} is not a longitude: expected -180 to 180 degrees", "lon")
    return lat, lon


def optional_place(lat: float | None, lon: float | None) -> tuple[float | None, float | None]:
    """Return (lat, lon) if both are given and on earth, (None, None) if neither is given."""
    if lat is None and lon is None:
        return None, None
    if lat is None or lon is None:
        raise InvalidInput("lat and lon belong together: expected both or neither", "lat")
    return place(lat, lon)


def radius_m(value: float, what: str = "radius") -> float:
    """Return a radius, or another size, in metres: more than 0 and at most 100 km."""
    if not math.isfinite(value) or not 0 < value <= _LARGEST_RADIUS_M:
        raise InvalidInput(
            f"{what} {value:g} m cannot be used: expected more than 0, at most 100000", f"{what}_m"
        )
    return value


def period(starts_ms: int, ends_ms: int) -> tuple[int, int]:
    """Return (starts_ms, ends_ms) if the end comes after the start."""
    if starts_ms < _EARLIEST_MS:
        raise InvalidInput("the start lies before 2000: expected milliseconds, not seconds", "starts_at")
    if ends_ms <= starts_ms:
        raise InvalidInput("the end is not after the start: expected start < end", "ends_at")
    return starts_ms, ends_ms


def check_in_every_s(value: float | None) -> float | None:
    """Return the time between check-ins in seconds, 1 s to 1 d; None for none."""
    if value is None:
        return None
    if not math.isfinite(value) or not _SHORTEST_CHECK_IN_S <= value <= _LONGEST_CHECK_IN_S:
        raise InvalidInput(
            f"a check-in every {value:g} s cannot be asked for: expected 1s to 24h", "check_in_every_s"
        )
    return value


def one_of(value: str, what: str, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of `allowed`."""
    if value not in allowed:
        raise InvalidInput(f"{what} {value!r} is unknown: expected {' or '.join(allowed)}", _field(what))
    return value


def pins(pin: str | None, duress_pin: str | None) -> tuple[str | None, str | None]:
    """Return (pin, duress_pin): each 4 to 12 digits, and not the same."""
    for name, value in (("pin", pin), ("duress pin", duress_pin)):
        if value is not None and not (value.isascii() and value.isdigit() and 4 <= len(value) <= 12):
            raise InvalidInput(f"the {name} cannot be used: expected 4 to 12 digits", _field(name))
    if duress_pin is not None and pin is None:
        raise InvalidInput("a duress pin needs a pin beside it: expected both", "pin")
    if pin is not None and pin == duress_pin:
        raise InvalidInput(
            "the pin and the duress pin are the same: expected two different ones", "duress_pin"
        )
    return pin, duress_pin


def channels(addresses: list[str]) -> list[str]:
    """Return where a responder is reached, each once: `log:`, or the http(s) URL of a webhook."""
    return list(dict.fromkeys(_channel(address) for address in addresses))


def _field(what: str) -> str:
    dotted = re.sub(r"\[(\d+)\]", r".\1", what)
    return dotted.removeprefix("properties.").replace(" ", "_")


def _plain(value: str, what: str, longest: int, besides: Collection[str] = ()) -> str:
    stripped = value.strip()
    if not stripped or len(stripped) > longest:
        raise InvalidInput(f"{what} has {len(stripped)} characters: expected 1 to {longest}", _field(what))
    if any(unicodedata.category(each) in _NOT_TEXT and each not in besides for each in stripped):
        raise InvalidInput(
            f"{what} holds a control character or undecodable byte: expected plain text", _field(what)
        )
    return stripped


def _channel(address: str) -> str:
    checked = text(address, "channels", _LONGEST_CHANNEL)
    if checked == "log:":
        return checked
    try:
        parts = urlsplit(checked)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in checked:
        raise InvalidInput(f"channel {checked!r} cannot be used: expected log: or an http(s) URL", "channels")
    return checked
