"""OsmAnd: what Traccar Client sends by HTTP, before version 9 (a query) and since (JSON)."""

from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from devices.rfc3339 import rfc3339
from simulators.dialects.taciturn import LAT_LON_DIGITS, Taciturn
from simulators.dialects.words import Moment, Phrase
from simulators.payloads import AlarmKind, Measured

Form = Literal["query", "json"]
_CALLED: dict[AlarmKind, str] = {"panic": "sos", "fall": "fallDown", "tamper": "tampering"}
_KNOTS_PER_MPS = 1 / 0.514444


class OsmandWords(Taciturn):
    """The app in one of its two forms; it asks and is told nothing."""

    called = "Traccar Client"

    def __init__(self, form: Form, identifier: str) -> None:
        """`identifier` is `DEVICE~SECRET`, which the app has one field for."""
        self._form: Form = form
        self._identifier = identifier
        self.fix_channel = form

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        return self._said(moment, measured, None, test=False)

    def alarm(
        self,
        moment: Moment,
        kind: AlarmKind,
        measured: Measured | None,
        name: str | None,
        *,
        test: bool,
        silent: bool,
    ) -> list[Phrase]:
        if kind not in _CALLED:
            raise self.no_words(kind)
        return [Phrase(self._form, self._said(moment, measured, _CALLED[kind], test=test))]

    def _said(self, moment: Moment, measured: Measured | None, alarm: str | None, *, test: bool) -> bytes:
        say = _query if self._form == "query" else _json
        return say(self._identifier, moment, measured, alarm, test)


def _query(
    identifier: str, moment: Moment, measured: Measured | None, alarm: str | None, test: bool
) -> bytes:
    # Where the old app knows nothing it sends zeros.
    here = measured or Measured(0.0, 0.0, 0.0)
    said: dict[str, Any] = {
        "id": identifier,
        "timestamp": moment.at_ms // 1000,
        "lat": round(here.lat, LAT_LON_DIGITS),
        "lon": round(here.lon, LAT_LON_DIGITS),
        "speed": round((here.speed_mps or 0.0) * _KNOTS_PER_MPS, 2),
        "bearing": round(here.heading_deg or 0.0, 1),
        "altitude": 0.0,
        "accuracy": round(here.accuracy_m, 1),
        "batt": round(moment.battery_pct, 1),
    }
    if alarm is not None:
        said["alarm"] = alarm
    if test:
        said["test"] = "true"
    return urlencode(said).encode()


def _json(identifier: str, moment: Moment, measured: Measured | None, alarm: str | None, test: bool) -> bytes:
    location: dict[str, Any] = {
        "timestamp": rfc3339(moment.at_ms),
        "event": "motionchange",
        "battery": {"level": round(moment.battery_pct / 100, 2), "is_charging": False},
        "extras": {},
    }
    if measured is not None:
        moves = bool(measured.speed_mps)
        location["is_moving"] = moves
        location["activity"] = {"type": "walking" if moves else "still"}
        location["coords"] = {
            "latitude": round(measured.lat, LAT_LON_DIGITS),
            "longitude": round(measured.lon, LAT_LON_DIGITS),
            "accuracy": round(measured.accuracy_m, 1),
            "speed": -1 if measured.speed_mps is None else round(measured.speed_mps, 2),
            "heading": -1 if measured.heading_deg is None else round(measured.heading_deg, 1),
            "altitude": 4.0,
        }
    said: dict[str, Any] = {"location": location, "device_id": identifier}
    if alarm is not None:
        said["alarm"] = alarm
    if test:
        location["extras"] = {"test": True}
    return msgspec.json.encode(said)
