"""ChirpStack v4: the events of its integrations, with the frames of Milesight's WS101 and AT101 in them."""

import base64
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import msgspec

from devices.rfc3339 import rfc3339
from simulators.dialects.taciturn import Taciturn
from simulators.dialects.words import Moment, Phrase
from simulators.payloads import AlarmKind, EventKind, Measured, Value

Model = Literal["ws101", "at101"]
APPLICATION = "17c82e96-be03-4f38-aef3-f83d48582d97"
_UP = "up"
_PORT = 85
_BATTERY, _PRESS = b"\x01\x75", b"\xff\x2e"
_PLACE, _TAKEN_OFF = b"\x04\x88", b"\x07\x00\x01"
_SHORT, _LONG, _DOUBLE = 1, 2, 3
_STANDS, _MOVES = 3, 2
# What the presses mean is set up at ChirpStack, as tags of the device.
_TAGS = {"vigil_long": "test", "vigil_double": "check_in"}
_PROFILES: dict[Model, str] = {"ws101": "Milesight WS101", "at101": "Milesight AT101"}


class ChirpStackWords(Taciturn):
    """A WS101 (short press: panic, long: a test, double: a check-in) or an AT101 (place, taken off)."""

    fix_channel = _UP

    def __init__(self, model: Model, eui: str) -> None:
        self._model: Model = model
        self._eui = eui.lower()
        self.called = f"a button of type {model.upper()}"

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        if self._model != "at101":
            raise self.no_words("a position")
        motion = _MOVES if measured.speed_mps else _STANDS
        frame = _PLACE + _millionths(measured.lat) + _millionths(measured.lon) + bytes([motion])
        return self._up(moment, _battery(moment) + frame)

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
        if self._model == "ws101" and kind == "panic":
            press = bytes([_LONG if test else _SHORT])
            return [Phrase(_UP, self._up(moment, _battery(moment) + _PRESS + press))]
        if self._model == "at101" and kind == "tamper":
            return [Phrase(_UP, self._up(moment, _battery(moment) + _TAKEN_OFF))]
        raise self.no_words(kind)

    def event(
        self, moment: Moment, kind: EventKind, measured: Measured | None, said: dict[str, Value]
    ) -> list[Phrase]:
        if self._model != "ws101" or kind != "check_in":
            raise self.no_words(kind)
        return [Phrase(_UP, self._up(moment, _PRESS + bytes([_DOUBLE])))]

    def status(self, moment: Moment, firmware: str) -> list[Phrase]:
        return [Phrase(_UP, self._up(moment, _battery(moment)))]

    def _up(self, moment: Moment, frame: bytes) -> bytes:
        digest = sha256(f"{self._eui}/{moment.seq}/{moment.at_ms}".encode()).hexdigest()
        said: dict[str, Any] = {
            "deduplicationId": str(UUID(hex=digest[:32])),
            "time": rfc3339(moment.at_ms),
            "deviceInfo": {
                "tenantName": "ChirpStack",
                "applicationId": APPLICATION,
                "applicationName": "buttons",
                "deviceProfileName": _PROFILES[self._model],
                "deviceName": f"button {self._eui[-4:]}",
                "devEui": self._eui,
                "tags": _TAGS,
            },
            "devAddr": digest[:8],
            "adr": True,
            "dr": 1,
            "fCnt": moment.seq,
            "fPort": _PORT,
            "confirmed": True,
            "data": base64.b64encode(frame).decode(),
            # Two gateways heard it; ChirpStack has made one of it.
            "rxInfo": [
                {"gatewayId": "0016c001f153a14c", "rssi": round(moment.signal_dbm), "snr": 2.5},
                {"gatewayId": "0016c001f153a14d", "rssi": round(moment.signal_dbm) - 12, "snr": -4.0},
            ],
            "txInfo": {"frequency": 868_100_000},
        }
        return msgspec.json.encode(said)


def _battery(moment: Moment) -> bytes:
    return _BATTERY + bytes([max(0, min(100, round(moment.battery_pct)))])


def _millionths(degrees: float) -> bytes:
    return round(degrees * 1e6).to_bytes(4, "little", signed=True)
