"""Lenient reading: JSON as foreign devices write it, with numbers in strings, sentinels and gaps.

What cannot be read is a fault with its field and never the end: a report counts without it.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec

from devices.codecs.alarm_words import read_words
from devices.codecs.native_wire import decode
from devices.datum import to_wgs84
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase, Datum, Position

BEIJING = timezone(timedelta(hours=8))
KNOT_MPS = 1852 / 3600
KMH_MPS = 1 / 3.6

_any_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_SCALAR = re.compile(
    rb'"([A-Za-z_]\w{0,39})"\s*:\s*("[^"\\]{0,200}"|-?\d[\d.eE+-]{0,30}(?=[\s,}\]])|true|false)'
)
_LATEST_S = 253_402_300_799  # the end of the year 9999
_SECONDS_END = 1e11  # numbers below are seconds (until the year 5138), those above milliseconds
_DATUMS: dict[str, Datum] = {"wgs84": "wgs84", "gcj02": "gcj02", "bd09": "bd09", "bd09ll": "bd09"}
_TRUE = frozenset({"true", "1", "yes", "on", "y"})
_FALSE = frozenset({"false", "0", "no", "off", "n"})


class Fields:
    """The members of one JSON object at `path`; faults go to the list that all of one message share."""

    def __init__(
        self,
        values: Mapping[str, Any],
        faults: list[UnreadablePayload],
        path: str = "",
        *,
        zone: timezone = UTC,
    ) -> None:
        self.values = values
        self.faults = faults
        self._path = path
        self._zone = zone
        self._blamed: set[str] = set()

    def found(self, *names: str) -> tuple[str, Any]:
        """Return the first of `names` that has a value, with it; absent, null and empty are no values."""
        for name in names:
            value = self.values.get(name)
            if value is not None and value != "":
                return name, value
        return names[0], None

    def inside(self, *names: str) -> "Fields":
        """Return the object at the first of `names` that has one; one without members if there is none."""
        name, value = self.found(*names)
        path = f"{self._path}{name}."
        if isinstance(value, dict):
            return Fields(value, self.faults, path, zone=self._zone)
        if value is not None:
            self.blame(name, "expected an object")
        return Fields({}, self.faults, path, zone=self._zone)

    def number(self, *names: str, low: float, high: float, none: tuple[float, ...] = (-1.0,)) -> float | None:
        """Return the number at the first of `names`, from `low` to `high`; those in `none` mean none."""
        name, value = self.found(*names)
        if value is None:
            return None
        number = as_number(value)
        if number is None:
            self.blame(name, "expected a number")
        elif number in none:
            return None
        elif not low <= number <= high:
            self.blame(name, f"expected a number from {low:g} to {high:g}")
        else:
            return number
        return None

    def text(self, *names: str) -> str | None:
        """Return the text at the first of `names`, at most 200 characters of it; a number counts as text."""
        name, value = self.found(*names)
        if isinstance(value, bool | str | int | float):
            return str(value).strip()[:200] or None
        if value is not None:
            self.blame(name, "expected a text")
        return None

    def alarm(self, *names: str) -> type[AlarmBase] | None:
        """Return the alarm at the first of `names`, a field made for alarms; what nobody knows is a panic."""
        name, value = self.found(*names)
        kind, is_doubtful = read_words(value)
        if is_doubtful:
            self.blame(name, "not a word for an alarm that is known here: taken for a panic")
        return kind

    def flag(self, *names: str) -> bool | None:
        """Return the truth at the first of `names`."""
        name, value = self.found(*names)
        if value is None:
            return None
        said = str(value).strip().lower()
        if said in _TRUE or said in _FALSE:
            return said in _TRUE
        self.blame(name, "expected true or false")
        return None

    def time_ms(self, *names: str) -> int | None:
        """Return the epoch milliseconds at the first of `names`: seconds, milliseconds or RFC 3339."""
        name, value = self.found(*names)
        if value is None:
            return None
        try:
            return epoch_ms(value, self._zone)
        except (ValueError, OverflowError):
            self.blame(name, "expected a time: epoch seconds, epoch milliseconds or RFC 3339")
            return None

    def has_bad_time(self, *names: str) -> bool:
        """Tell whether the time at the first of `names` could not be read.

        A place of that time cannot be told from one that was kept for hours, so it does not count.
        """
        self.time_ms(*names)
        return self.found(*names)[0] in self._blamed

    def degrees(self, lat: tuple[str, ...], lon: tuple[str, ...]) -> tuple[float, float] | None:
        """Return latitude and longitude; 0, 0 is what a receiver says that has found nothing."""
        at = (
            self.number(*lat, low=-90, high=90, none=()),
            self.number(*lon, low=-180, high=180, none=()),
        )
        if at[0] is None or at[1] is None:
            if (at[0] is None) != (at[1] is None):
                missing = lat if at[0] is None else lon
                if self.found(*missing)[1] is None:
                    self.blame(missing[0], "missing")
            return None
        return None if at == (0.0, 0.0) else (at[0], at[1])

    def place(self, at: tuple[float, float] | None, **measured: Any) -> Position | None:
        """Return the position at (lat, lon) degrees of the datum in `datum`, converted to WGS-84."""
        if at is None:
            return None
        datum: Datum = "wgs84"
        said = self.text("datum", "coordType", "coord_type")
        if said is not None:
            known = _DATUMS.get(said.lower().replace("-", "").replace("_", ""))
            if known is None:
                self.blame("datum", "expected one of wgs84, gcj02, bd09")
            else:
                datum = known
        if datum == "wgs84":
            return Position(lat=at[0], lon=at[1], **measured)
        lat, lon = to_wgs84(*at, datum)
        return Position(lat=lat, lon=lon, datum=datum, original_lat=at[0], original_lon=at[1], **measured)

    def blame(self, name: str, reason: str) -> None:
        """Note that the member `name` cannot be read; what was noted of it before stands."""
        self._blamed.add(name)
        field = self._path + name
        if all(fault.field != field for fault in self.faults):
            self.faults.append(UnreadablePayload(field, reason))

    @property
    def doubts(self) -> tuple[str, ...]:
        """The fields that could not be read so far, each once."""
        return tuple(dict.fromkeys(fault.field for fault in self.faults))


def read_objects(payload: bytes, faults: list[UnreadablePayload]) -> list[dict[str, Any]]:
    """Return the object that `payload` is, or those of the list that it is; another item of it is a fault.

    Raises:
        UnreadablePayload: it is neither.
    """
    value = decode(_any_decoder, payload)
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list) or not value:
        raise UnreadablePayload("$", "expected an object")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            faults.append(UnreadablePayload(f"[{index}]", "expected an object"))
    return [item for item in value if isinstance(item, dict)]


def salvage(payload: bytes) -> dict[str, Any]:
    """Pick members with simple values out of broken JSON, however deep; the first of a name counts."""
    found: dict[str, Any] = {}
    for match in _SCALAR.finditer(payload):
        raw = match.group(2).decode(errors="replace")
        found.setdefault(match.group(1).decode(), raw.strip('"'))
    return found


def epoch_ms(value: object, zone: timezone = UTC) -> int | None:
    """Return the epoch milliseconds of a time, None for 0; one without an offset is of `zone`.

    Raises:
        ValueError: it is no time.
        OverflowError: it is far beyond any.
    """
    number = as_number(value)
    if number is not None:
        if number < 0:
            raise ValueError("before 1970")
        ms = number * 1000 if number < _SECONDS_END else number
    elif isinstance(value, str):
        time = datetime.fromisoformat(value.strip())
        ms = (time if time.tzinfo else time.replace(tzinfo=zone)).timestamp() * 1000
    else:
        raise ValueError("no time")
    if not 0 <= ms <= _LATEST_S * 1000:
        raise ValueError("out of range")
    return round(ms) or None


def as_number(value: object) -> float | None:
    """Return the number that `value` is, or that stands in it as text; None if it is none, or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
