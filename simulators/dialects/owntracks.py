"""OwnTracks: what the app says, over MQTT and over HTTP (booklet, "JSON"), and what it understands."""

from typing import Any

import msgspec

from simulators.dialects.taciturn import LAT_LON_DIGITS, Taciturn
from simulators.dialects.words import Moment, Phrase
from simulators.heard import Heard
from simulators.payloads import AlarmKind, Measured

LOCATION, WAYPOINT = "location", "waypoint"
_CALLED: dict[AlarmKind, str] = {
    "panic": "SOS",
    "duress": "duress",
    "fall": "fall",
    "no_motion": "no motion",
    "tamper": "tamper",
}
_KMH_PER_MPS = 3.6


class OwnTracksWords(Taciturn):
    """The app; an alarm is a point of interest, or without a place a waypoint, that is called SOS."""

    called = "OwnTracks"
    fix_channel = LOCATION

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        return msgspec.json.encode(_location(moment, measured))

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
        told: dict[str, Any] = {"test": True} if test else {}
        told |= {"silent": True} if silent else {}
        told |= {"_id": name} if name else {}
        word, at_s = _CALLED[kind], moment.at_ms // 1000
        if measured is None:
            waypoint = {"_type": "waypoint", "desc": word, "tst": at_s, **told}
            return [Phrase(WAYPOINT, msgspec.json.encode(waypoint))]
        located = {**_location(moment, measured), "t": "u", "poi": word, **told}
        return [Phrase(LOCATION, msgspec.json.encode(located))]

    def hear(self, payload: bytes) -> Heard | None:
        try:
            said = msgspec.json.decode(payload, type=dict[str, Any])
        except msgspec.MsgspecError:
            return None
        match said.get("action"):
            case "reportLocation":
                return Heard(kind="locate")
            case "setConfiguration":
                told = said.get("configuration")
                every_s = told.get("moveModeLocatorInterval") if isinstance(told, dict) else None
                return Heard(kind="configure", fix_every_s=float(every_s) if every_s else None)
        return None


def last_will(at_ms: int) -> bytes:
    """Return what the broker says for an app that is gone: with the time of its login, as the app does."""
    return msgspec.json.encode({"_type": "lwt", "tst": at_ms // 1000})


def _location(moment: Moment, measured: Measured) -> dict[str, Any]:
    said: dict[str, Any] = {
        "_type": "location",
        "tst": moment.at_ms // 1000,
        "lat": round(measured.lat, LAT_LON_DIGITS),
        "lon": round(measured.lon, LAT_LON_DIGITS),
        "acc": round(measured.accuracy_m),
        "batt": round(moment.battery_pct),
        "t": "p",
        "tid": "vs",
        "conn": "m",
    }
    if measured.speed_mps is not None:
        said["vel"] = round(measured.speed_mps * _KMH_PER_MPS)
    if measured.heading_deg is not None:
        said["cog"] = round(measured.heading_deg) % 360
    return said
