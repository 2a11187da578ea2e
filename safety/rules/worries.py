"""Worries: what is, or soon will be, wrong with a device, by the limits that alerts go by, worst first.

It looks at what is stored of a device at one moment; alerts look at every report. So it also tells what no
alert does: a device that was never heard, or that nobody has tried for a month.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from safety.domain.limits import Limits
from safety.rules import health
from safety.rules.limits import ms

DAY_MS = 24 * 3_600_000
TEST_EVERY_DAYS = 30
"""So long after a device's last test alarm it should have another one."""

Urgency = Literal["high", "warning", "info"]
Detail = dict[str, str | int | float | bool | None]

HAS_GPS = frozenset({"phone", "recorder"})
HEALTH_KINDS = ("device_silent", "battery_low", "device_fault")
"""The kinds of alerts that tell of a device's health."""
# An open alert says it already, in the words of its `how`.
_BY_ALERT = {"device_silent": "silent", "battery_low": "battery_low"}


class OpenAlert(NamedTuple):
    """An open alert of a device's health: its kind, and how it came to it."""

    id: str
    kind: str
    how: str | None
    raised_ms: int


class Condition(NamedTuple):
    """What is known of a device (epoch ms; None: never, or not known), and of its nurse's visit."""

    kind: str
    created_ms: int
    heard_ms: int | None = None
    battery_pct: float | None = None
    battery_empty_ms: int | None = None
    battery_charging: bool | None = None
    clock_skew_ms: int | None = None
    fix_accuracy_m: float | None = None
    fix_ms: int | None = None
    firmware: str | None = None
    tested_ms: int | None = None
    on_visit_since_ms: int | None = None
    alerts: tuple[OpenAlert, ...] = ()


class Worry(msgspec.Struct, frozen=True):
    """A reason to look after a device; a higher `weight` is worse. `detail` has the values behind it."""

    reason: str
    urgency: Urgency
    weight: int
    detail: Detail = {}


def worries(known: Condition, limits: Limits, now_ms: int) -> list[Worry]:
    """Return what is worrying about a device at `now_ms`, worst first."""
    found: dict[str, Worry] = {}
    for worry in (*_alerted(known), *_looked_at(known, limits, now_ms)):
        found.setdefault(worry.reason, worry)
    return sorted(found.values(), key=lambda worry: (-worry.weight, worry.reason))


def is_untested(tested_ms: int | None, now_ms: int, days: float = TEST_EVERY_DAYS) -> bool:
    """Tell whether a device's last test alarm is longer ago than `days`, or there was none."""
    return tested_ms is None or now_ms - tested_ms > days * DAY_MS


def _alerted(known: Condition) -> Iterator[Worry]:
    for alert in known.alerts:
        reason = _BY_ALERT.get(alert.kind, alert.how or "fault")
        weight = {"device_silent": 90, "battery_low": 75}.get(alert.kind, 60)
        if reason in ("not_recording", "recording_stopped"):
            weight = 95  # what should be on record is not
        elif reason in ("clock_ahead", "clock_behind", "firmware_old"):
            reason, weight = ("clock_skew", 35) if reason != "firmware_old" else (reason, 15)
        yield _worry(reason, weight, alert=alert.id, since_ms=alert.raised_ms)


def _looked_at(known: Condition, limits: Limits, now_ms: int) -> Iterator[Worry]:
    if known.heard_ms is None:
        yield _worry("never_heard", 45, since_ms=known.created_ms)
    else:
        yield from _silence(known, known.heard_ms, limits, now_ms)
        yield from _gps(known, known.heard_ms, limits, now_ms)
    yield from _battery(known, limits, now_ms)
    if known.clock_skew_ms is not None and abs(known.clock_skew_ms) > ms(limits.clock_skew_s):
        yield _worry("clock_skew", 35, skew_s=known.clock_skew_ms / 1000)
    wanted: str | None = getattr(limits, f"{known.kind}_firmware_min", None)
    if wanted is not None and health.is_older(known.firmware, wanted):
        yield _worry("firmware_old", 15, firmware=known.firmware, wanted=wanted)
    if is_untested(known.tested_ms, now_ms):
        yield _worry("untested", 5, since_ms=known.tested_ms)


def _silence(known: Condition, heard_ms: int, limits: Limits, now_ms: int) -> Iterator[Worry]:
    """A device that is not carried may be off, for a day; during a visit it may not."""
    allowed_s: float | None = getattr(limits, f"{known.kind}_silent_s", None)
    silent_ms = now_ms - heard_ms
    during = known.on_visit_since_ms
    if during is not None and allowed_s is not None and now_ms - max(heard_ms, during) > ms(allowed_s):
        yield _worry("silent", 90, since_ms=heard_ms)
    elif silent_ms > DAY_MS:
        yield _worry("silent", 70 if during is not None else 50, since_ms=heard_ms)


def _battery(known: Condition, limits: Limits, now_ms: int) -> Iterator[Worry]:
    if known.battery_pct is None or known.battery_charging:
        return
    more = 20 if known.on_visit_since_ms is not None else 0
    left_ms = None if known.battery_empty_ms is None else known.battery_empty_ms - now_ms
    if known.battery_pct <= limits.battery_low_pct:
        yield _worry("battery_low", 55 + more, battery_pct=known.battery_pct)
    elif left_ms is not None and left_ms <= ms(limits.battery_empty_s):
        yield _worry(
            "battery_soon_empty", 50 + more, battery_pct=known.battery_pct, empty_ms=known.battery_empty_ms
        )


def _gps(known: Condition, heard_ms: int, limits: Limits, now_ms: int) -> Iterator[Worry]:
    """Without GPS is who reports, but not where: what says nothing is silent instead."""
    if known.kind not in HAS_GPS:
        return
    during, allowed_s = known.on_visit_since_ms, limits.gps_lost_s
    if during is not None and allowed_s is not None:
        since_ms = max(known.fix_ms or 0, during)
        if heard_ms > since_ms and now_ms - since_ms > ms(allowed_s):
            yield _worry("gps_lost", 65, since_ms=known.fix_ms)
            return
    if known.fix_ms is None and heard_ms - known.created_ms > DAY_MS:
        yield _worry("gps_lost", 30, since_ms=None)
    elif known.fix_accuracy_m is not None and known.fix_accuracy_m > health.USABLE_ACCURACY_M:
        yield _worry("gps_poor", 25, accuracy_m=known.fix_accuracy_m)


def _worry(reason: str, weight: int, **detail: str | float | bool | None) -> Worry:
    urgency: Urgency = "high" if weight >= 60 else "warning" if weight >= 25 else "info"
    return Worry(reason, urgency, weight, detail)
