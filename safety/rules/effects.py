"""Effects: what a rule wants to be so. The runner stores them; storing one twice changes nothing.

Times are UTC epoch milliseconds. Ids are derived from causes (`devices.identity.derived_id`).
"""

from typing import Literal

import msgspec

from devices.commands import CommandKind
from devices.reports import Position
from safety.domain.alert import TimelineWord
from safety.rules.sight import Sight

ALARM_KINDS: frozenset[str] = frozenset({"panic", "duress", "fall", "no_motion", "tamper"})
"""The kinds that a device raises itself, and is told about."""

AlertKind = Literal[
    "panic",
    "duress",
    "fall",
    "no_motion",
    "tamper",
    "fence_exit",
    "fence_enter",
    "missed_check_in",
    "overdue_visit",
    "device_silent",
    "battery_low",
    "device_fault",
]
Severity = Literal["critical", "high", "warning", "info"]


class RaiseAlert(msgspec.Struct, frozen=True, kw_only=True, tag="raise_alert"):
    """Someone may be in danger.

    `merges`: while an alert of the same kind, test flag and nurse (or device) is open, this is noted on
    that one instead; a press by a nurse pages people anew.
    `cancel_until_ms`: nobody is paged before this time; the alarm may still be taken back.
    `why` says what decided, for the timeline: rule, thresholds, measured values.
    """

    id: str
    kind: AlertKind
    severity: Severity
    org: str
    nurse: str | None
    device: str | None
    visit: str | None = None
    occurred_ms: int
    received_ms: int
    source_event: str
    position: Position | None = None
    alarm: str | None = None
    alarm_seq: int | None = None
    test: bool = False
    silent: bool = False
    late: bool = False
    doubts: tuple[str, ...] = ()
    merges: Literal["nurse", "device"] | None = None
    cancel_until_ms: int | None = None
    why: dict[str, str | int | float | bool | None] = {}


class AlarmRepeated(msgspec.Struct, frozen=True, kw_only=True, tag="alarm_repeated"):
    """A device sent an alarm again because it has not seen `alarm_received`: tell it once more."""

    alert: str
    device: str
    alarm: str | None
    alarm_seq: int | None
    received_ms: int


class NoteAlert(msgspec.Struct, frozen=True, kw_only=True, tag="note_alert"):
    """Something happened that the alert's timeline should show, e.g. `returned`, `checked_in`."""

    id: str
    alert: str
    at_ms: int
    what: TimelineWord
    detail: dict[str, str | int | float | bool | None] = {}


class CancelAlert(msgspec.Struct, frozen=True, kw_only=True, tag="cancel_alert"):
    """The alarm was taken back by the nurse in time."""

    id: str
    alert: str
    at_ms: int
    reason: str


class PlacePosition(msgspec.Struct, frozen=True, gc=False, tag="place_position"):
    """The nurse was seen here, and the device that saw her was heard; the last one that is `newest` counts.

    During a `visit`, or `alarmed` outside of one, it is a point of her track as well.
    """

    sight: Sight
    visit: str | None
    newest: bool
    battery_pct: float | None = None
    alarmed: bool = False


class HearDevice(msgspec.Struct, frozen=True, gc=False, tag="hear_device"):
    """A device was heard from, and what it said of itself (None: it did not say)."""

    device: str
    heard_ms: int
    online: bool | None = None
    battery_pct: float | None = None
    signal_dbm: float | None = None
    firmware: str | None = None


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True, tag="device_health"):
    """What the rules make of a device; told when it changes. None: it is right, or not known.

    The charge changes by `battery_trend_pct_h` (falling: below zero), and is gone at `battery_empty_ms` if it
    goes on so. A clock that is ahead has a skew above zero.
    """

    device: str
    battery_trend_pct_h: float | None
    battery_empty_ms: int | None
    battery_charging: bool | None
    clock_skew_ms: int | None


class TellDevice(msgspec.Struct, frozen=True, kw_only=True, tag="tell_device"):
    """A device is to be told something, within `ttl_s` of `at_ms`; `alarm` is its own name for its alarm."""

    id: str
    device: str
    kind: CommandKind
    at_ms: int
    ttl_s: float
    alarm: str | None = None
    alarm_seq: int | None = None
    alert: str | None = None
    details: dict[str, str | int | float | bool | None] = {}


RecordKind = Literal[
    "recording_started",
    "recording_stopped",
    "segment",
    "step",
    "consumable",
    "waste",
    "satisfaction",
]


class KeepRecord(msgspec.Struct, frozen=True, kw_only=True, tag="keep_record"):
    """A recorder noted something of a visit; `detail` is what its kind has."""

    id: str
    org: str
    nurse: str | None
    device: str
    visit: str | None
    kind: RecordKind
    time_ms: int
    received_ms: int
    seq: int | None = None
    detail: dict[str, str | int | float] = {}


Effect = (
    RaiseAlert
    | AlarmRepeated
    | NoteAlert
    | CancelAlert
    | TellDevice
    | PlacePosition
    | HearDevice
    | KeepRecord
    | DeviceHealth
)
