"""Traccar: what a Traccar server's forwarders send of one tracker, positions and events."""

from typing import Any

import msgspec

from devices.rfc3339 import rfc3339
from simulators.dialects.taciturn import LAT_LON_DIGITS, Taciturn
from simulators.dialects.words import Moment, Phrase
from simulators.payloads import AlarmKind, Measured

POSITIONS, EVENTS = "positions", "events"
_CALLED: dict[AlarmKind, str] = {"panic": "sos", "fall": "fallDown", "tamper": "tampering"}
_KNOTS_PER_MPS = 1 / 0.514444
_NOWHERE = Measured(0.0, 0.0, 0.0)


class TraccarWords(Taciturn):
    """A tracker behind a server with both forwarders on: an SOS is told twice."""

    called = "a tracker behind Traccar"
    fix_channel = POSITIONS

    def __init__(self, unique_id: str) -> None:
        self._unique_id = unique_id

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        told = {"position": _position(moment, measured, None), "device": self._device(moment)}
        return msgspec.json.encode(told)

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
        if kind not in _CALLED or test:
            raise self.no_words("a test" if test else kind)
        position = _position(moment, measured, _CALLED[kind])
        event = _event(moment, "alarm", {"alarm": _CALLED[kind]})
        device = self._device(moment)
        return [
            Phrase(POSITIONS, msgspec.json.encode({"position": position, "device": device})),
            Phrase(EVENTS, msgspec.json.encode({"event": event, "position": position, "device": device})),
        ]

    def status(self, moment: Moment, firmware: str) -> list[Phrase]:
        told = {"event": _event(moment, "deviceOnline", {}), "device": self._device(moment)}
        return [Phrase(EVENTS, msgspec.json.encode(told))]

    def _device(self, moment: Moment) -> dict[str, Any]:
        return {
            "id": 1,
            "name": f"tracker {self._unique_id[-4:]}",
            "uniqueId": self._unique_id,
            "status": "online",
            "lastUpdate": rfc3339(moment.at_ms),
            "category": "person",
            "attributes": {},
        }


def _event(moment: Moment, kind: str, attributes: dict[str, str]) -> dict[str, Any]:
    at = rfc3339(moment.at_ms)
    return {
        "id": moment.seq,
        "type": kind,
        "eventTime": at,
        "positionId": moment.seq,
        "attributes": attributes,
    }


def _position(moment: Moment, measured: Measured | None, alarm: str | None) -> dict[str, Any]:
    here, at = measured or _NOWHERE, rfc3339(moment.at_ms)
    attributes: dict[str, Any] = {
        "batteryLevel": round(moment.battery_pct),
        "motion": bool(here.speed_mps),
    }
    if alarm is not None:
        attributes["alarm"] = alarm
    return {
        "id": moment.seq,
        "deviceId": 1,
        "protocol": "watch",
        "serverTime": at,
        "deviceTime": at,
        "fixTime": at,
        "outdated": measured is None,
        "valid": measured is not None,
        "latitude": round(here.lat, LAT_LON_DIGITS),
        "longitude": round(here.lon, LAT_LON_DIGITS),
        "altitude": 4.0,
        "speed": round((here.speed_mps or 0.0) * _KNOTS_PER_MPS, 2),
        "course": round(here.heading_deg or 0.0, 1),
        "accuracy": round(here.accuracy_m, 1),
        "attributes": attributes,
    }
