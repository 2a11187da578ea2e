"""Canonical reports: what any device said, whatever its dialect, in the past tense.

Every report is a frozen msgspec struct with a tag, so a log entry decodes straight to its type.
Times are UTC epoch milliseconds by the device's own clock; positions are WGS-84.
"""

from typing import ClassVar, Literal

import msgspec

Datum = Literal["wgs84", "gcj02", "bd09"]


class Position(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A place on earth as measured: degrees WGS-84, metres, with the original kept if it was converted."""

    lat: float
    lon: float
    accuracy_m: float | None = None
    time_ms: int | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    datum: Datum = "wgs84"
    original_lat: float | None = None
    original_lon: float | None = None


class ReportBase(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What every report carries: the device's own counter and clock."""

    urgent: ClassVar[bool] = False

    time_ms: int
    seq: int | None = None

    @property
    def name(self) -> str:
        """The report's tag, e.g. `panic_pressed`."""
        tag = self.__struct_config__.tag
        return str(tag)


class Fix(ReportBase, frozen=True, gc=False, kw_only=True, tag="fix"):
    """The device was here."""

    position: Position
    battery_pct: float | None = None
    motion: str | None = None


class AlarmBase(ReportBase, frozen=True, gc=False):
    """What every alarm carries.

    `alarm` is the device-made id; `doubts` names the fields that could not be read: an alarm is never
    dropped for them.
    """

    urgent: ClassVar[bool] = True

    alarm: str | None = None
    position: Position | None = None
    test: bool = False
    silent: bool = False
    doubts: tuple[str, ...] = ()


class PanicPressed(AlarmBase, frozen=True, gc=False, tag="panic_pressed"):
    """She pressed the alarm button."""


class DuressSignalled(AlarmBase, frozen=True, gc=False, tag="duress_signalled"):
    """She signalled under threat; the device must look as if nothing happened."""


class FallDetected(AlarmBase, frozen=True, gc=False, tag="fall_detected"):
    """The device believes she fell."""


class NoMotionDetected(AlarmBase, frozen=True, gc=False, tag="no_motion_detected"):
    """The device has not moved for longer than it should have."""


class TamperDetected(AlarmBase, frozen=True, gc=False, tag="tamper_detected"):
    """The device was opened, torn off or blocked."""


class EventBase(ReportBase, frozen=True, gc=False):
    """What every event of a visit carries."""

    urgent: ClassVar[bool] = True

    visit: str | None = None
    pin: str | None = None
    position: Position | None = None


class CheckedIn(EventBase, frozen=True, gc=False, tag="checked_in"):
    """She said that she is well, and that the next check-in may come `extend_s` later than planned."""

    extend_s: float | None = None


class VisitStarted(EventBase, frozen=True, gc=False, tag="visit_started"):
    """The visit began."""


class VisitEnded(EventBase, frozen=True, gc=False, tag="visit_ended"):
    """The visit is over."""


class Arrived(EventBase, frozen=True, gc=False, tag="arrived"):
    """She arrived at the address."""


class Left(EventBase, frozen=True, gc=False, tag="left"):
    """She left the address."""


class AlarmCancelled(EventBase, frozen=True, gc=False, tag="alarm_cancelled"):
    """She took an alarm back; `alarm` names it, None means whatever of hers is pending."""

    alarm: str | None = None


class PinGiven(EventBase, frozen=True, gc=False, tag="pin_given"):
    """She gave her PIN; what for could not be read."""


class StatusReported(ReportBase, frozen=True, gc=False, tag="status_reported"):
    """The device told how it is; `online` False is usually its last will."""

    online: bool | None = None
    battery_pct: float | None = None
    signal_dbm: float | None = None
    firmware: str | None = None


class RecordBase(ReportBase, frozen=True, gc=False):
    """What every work record carries."""

    visit: str | None = None


class RecordingStarted(RecordBase, frozen=True, gc=False, tag="recording_started"):
    """The recorder runs."""


class RecordingStopped(RecordBase, frozen=True, gc=False, tag="recording_stopped"):
    """The recorder stopped."""


class SegmentRecorded(RecordBase, frozen=True, gc=False, kw_only=True, tag="segment_recorded"):
    """A piece of media exists in the recorder's own store; here is its manifest.

    `previous_sha256` is that of the segment before, so that none can be missing unseen.
    """

    sha256: str
    duration_s: float
    size_bytes: int
    uri: str
    previous_sha256: str | None = None


class StepDone(RecordBase, frozen=True, gc=False, kw_only=True, tag="step_done"):
    """A step of the nursing work was done."""

    code: str


class MaterialUsed(RecordBase, frozen=True, gc=False, kw_only=True, tag="material_used"):
    """A consumable was used, or medical waste was collected."""

    material: Literal["consumable", "waste"]
    item: str
    quantity: float
    unit: str


class SatisfactionGiven(RecordBase, frozen=True, gc=False, kw_only=True, tag="satisfaction_given"):
    """The patient rated the visit, 1 to 5."""

    score: int


Alarm = PanicPressed | DuressSignalled | FallDetected | NoMotionDetected | TamperDetected
Event = CheckedIn | VisitStarted | VisitEnded | Arrived | Left | AlarmCancelled | PinGiven
Record = RecordingStarted | RecordingStopped | SegmentRecorded | StepDone | MaterialUsed | SatisfactionGiven
Report = Fix | Alarm | Event | StatusReported | Record
