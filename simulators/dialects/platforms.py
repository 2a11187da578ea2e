"""Platforms: recorders whose platform hands on JT/T 808 or GB/T 28181 as JSON."""

from typing import Any

import msgspec

from devices.rfc3339 import rfc3339
from simulators.dialects.taciturn import LAT_LON_DIGITS, Taciturn
from simulators.dialects.words import Moment, Phrase
from simulators.payloads import AlarmKind, Measured, RecordKind, Value

_BEIJING_MS = 8 * 3_600_000
_KMH_PER_MPS = 3.6
_EMERGENCY = 1
_RUNNING, _LOCATED = 1, 2


class Jt808Words(Taciturn):
    """A terminal of JT/T 808: its one alarm is the emergency switch."""

    called = "a terminal of JT/T 808"
    fix_channel = "jt808"

    def __init__(self, phone: str) -> None:
        self._phone = phone

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        return self._report(moment, measured, 0)

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
        if kind != "panic" or test:
            raise self.no_words("a test" if test else kind)
        return [Phrase(self.fix_channel, self._report(moment, measured, _EMERGENCY))]

    def status(self, moment: Moment, firmware: str) -> list[Phrase]:
        return [Phrase(self.fix_channel, self._report(moment, None, 0))]

    def _report(self, moment: Moment, measured: Measured | None, alarm: int) -> bytes:
        here = measured or Measured(0.0, 0.0, 0.0)
        said: dict[str, Any] = {
            "phone": self._phone.zfill(12),
            "alarm": alarm,
            "status": _RUNNING | (_LOCATED if measured is not None else 0),
            "lat": round(abs(here.lat) * 1e6),
            "lon": round(abs(here.lon) * 1e6),
            "altitude": 4,
            "speed": round((here.speed_mps or 0.0) * _KMH_PER_MPS * 10),
            "direction": round(here.heading_deg or 0.0) % 360,
            "time": _digits(_beijing(moment.at_ms))[2:],
            "battery": round(moment.battery_pct),
        }
        said["status"] |= (4 if here.lat < 0 else 0) | (8 if here.lon < 0 else 0)
        return msgspec.json.encode(said)


class Gb28181Words(Taciturn):
    """A recorder of GB/T 28181: an alarm, its position, and whether it records."""

    called = "a recorder of GB/T 28181"
    fix_channel = "gb28181"

    def __init__(self, device_id: str) -> None:
        self._device_id = device_id

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        return self._said(
            "MobilePosition",
            moment,
            Time=_beijing(moment.at_ms),
            **_place(measured),
            Speed=str(round((measured.speed_mps or 0.0) * _KMH_PER_MPS, 1)),
            Direction=str(round(measured.heading_deg or 0.0)),
        )

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
        if kind not in ("panic", "tamper") or test:
            raise self.no_words("a test" if test else kind)
        told = {"AlarmPriority": "1", "AlarmMethod": "2", "AlarmTime": _beijing(moment.at_ms)}
        if kind == "tamper":
            told["AlarmType"] = "2"
        where = _place(measured) if measured is not None else {}
        return [Phrase(self.fix_channel, self._said("Alarm", moment, **told, **where))]

    def record(self, moment: Moment, kind: RecordKind, said: dict[str, Value]) -> list[Phrase]:
        if kind not in ("recording_started", "recording_stopped"):
            raise self.no_words(kind)
        told = {"Record": "ON" if kind == "recording_started" else "OFF", "Online": "ONLINE"}
        told["DeviceTime"] = _beijing(moment.at_ms)
        return [Phrase(self.fix_channel, self._said("DeviceStatus", moment, **told))]

    def status(self, moment: Moment, firmware: str) -> list[Phrase]:
        return [Phrase(self.fix_channel, self._said("Keepalive", moment, Status="OK"))]

    def _said(self, command: str, moment: Moment, **said: str) -> bytes:
        told = {"CmdType": command, "SN": str(moment.seq), "DeviceID": self._device_id, **said}
        return msgspec.json.encode(told)


def _place(measured: Measured) -> dict[str, str]:
    lon, lat = round(measured.lon, LAT_LON_DIGITS), round(measured.lat, LAT_LON_DIGITS)
    return {"Longitude": str(lon), "Latitude": str(lat)}


def _beijing(at_ms: int) -> str:
    """Return the time as these standards write it: Beijing's, to the second, without an offset."""
    return rfc3339(at_ms + _BEIJING_MS)[:19]


def _digits(time: str) -> str:
    return "".join(letter for letter in time if letter.isdigit())
