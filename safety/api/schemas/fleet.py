"""Devices: how each is, whose it was, and what new ones are given."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from devices.registry.port import DeviceKind
from safety.api.schemas.shapes import Shape


class Device(Shape):
    """A device and how it is; null: not known.

    `battery_trend_pct_h` is below zero while it falls, `battery_empty_at` when it is empty if it goes on so.
    `clock_skew_s` is above zero for a clock that is ahead, null for one that is right. `fix_accuracy_m` is
    that of the last fix, `last_fix_at` when the last usable one came in. `test_until`: until then its next
    alarm is a planned test.
    """

    id: str
    kind: DeviceKind | Literal["gateway"]
    nurse: str | None
    org: str
    codec: str
    external_id: str | None
    state: Literal["online", "offline", "unknown"]
    last_heard_at: datetime | None
    battery_pct: float | None
    signal_dbm: float | None
    firmware: str | None
    revoked: bool
    added_at: datetime
    battery_trend_pct_h: float | None
    battery_empty_at: datetime | None
    battery_charging: bool | None
    clock_skew_s: float | None
    fix_accuracy_m: float | None
    last_fix_at: datetime | None
    last_tested_at: datetime | None
    test_until: datetime | None


class IssuedDevice(Device):
    """A device with its new secret, shown this once, and what sets it up.

    `link` is opened by `app`, null where someone else's server brings what the device says; `qr_svg` shows
    it as a QR code; `settings` are the same to be typed in.
    """

    secret: str
    app: str
    link: str | None
    settings: dict[str, str | int | bool]
    qr_svg: str | None


class Worry(Shape):
    """A reason to look after a device, with the values behind it."""

    reason: str
    urgency: Literal["high", "warning", "info"]
    detail: dict[str, Any]


class WorryingDevice(Shape):
    """A device that is worth worrying about, and why, worst first."""

    device: Device
    worries: list[Worry]


class Binding(Shape):
    """Who had a device from when to when (null: has it still), who gave it, and how it ended."""

    nurse: str
    nurse_name: str | None
    org: str
    from_: datetime = Field(alias="from")
    to: datetime | None
    given_by: str
    ended_by: str | None
    ended_how: Literal["handed_over", "revoked"] | None


class TableFault(Shape):
    """What is wrong in a table, in which line and column; null: the line as a whole."""

    line: int
    column: str | None
    problem: str


class ImportedDevices(Shape):
    """What a table holds: how many devices, every fault, and, if they were added, each with its secret."""

    rows: int
    faults: list[TableFault]
    items: list[IssuedDevice]
