"""Health: a battery that runs out, a GPS that finds nothing, a clock that is wrong, a program that is old.

It speaks only of devices of a nurse who is on a visit or on duty, once per episode, and never louder than a
warning. Each report is looked at; what an ordinary fix says again costs a few comparisons.
"""

import re
from typing import Literal

from devices import reports
from devices.identity import derived_id
from ingest.records import Arrival
from safety.domain.limits import Limits
from safety.domain.plan import NursePlan
from safety.rules import battery, skew
from safety.rules.device import DeviceState, episode
from safety.rules.effects import AlertKind, DeviceHealth, Effect, NoteAlert, RaiseAlert
from safety.rules.limits import limits_of, ms
from safety.rules.phases import Phase

USABLE_ACCURACY_M = 200.0
"""A fix worse than this is no use to any fence."""

SKEW_MS = 10_000
"""A clock that is less wrong than this is right, whatever the limits: networks take their time."""

_HAS_GPS = frozenset({"phone", "recorder"})
_URGENT = frozenset({"battery_low", "gps_lost"})
"""What weakens the watch over her during a visit."""

_NUMBERS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})*")

What = Literal["battery_low", "clock_skew", "gps_lost", "firmware_old"]
_Why = dict[str, str | int | float | bool | None]


def is_news(state: DeviceState, arrival: Arrival) -> bool:
    """Tell whether a report says anything of the device's health that it did not say before; note its GPS."""
    report = arrival.report
    if isinstance(report, reports.Fix):
        accuracy_m = report.position.accuracy_m
        if accuracy_m is not None and accuracy_m > USABLE_ACCURACY_M:
            return True
        state.gps_ms = arrival.received_ms
        pct = report.battery_pct
        if pct is not None and (state.battery is None or pct != state.battery.pct):
            return True
    elif isinstance(report, reports.StatusReported):
        return True
    return (
        not -SKEW_MS <= report.time_ms - arrival.received_ms <= SKEW_MS
        or state.skew is not None
        or "gps_lost" in state.faults
    )


def step(state: DeviceState, arrival: Arrival, plan: NursePlan, phase: Phase | None) -> list[Effect]:
    """Take in a report that `is_news`, and tell what is wrong with the device during `phase`."""
    report = arrival.report
    limits = limits_of(plan, None)
    if isinstance(report, reports.StatusReported):
        if report.online is False:
            return []  # a last will is the broker's word, and its time may be that of the connection
        state.firmware = report.firmware or state.firmware
    before = _told(state, arrival.device, limits)
    if isinstance(report, reports.StatusReported | reports.Fix) and report.battery_pct is not None:
        battery.take_in(state, report.battery_pct, report.time_ms, arrival.received_ms)
    skew.take_in(state, arrival, limits)
    effects = _mended(state, arrival, limits)
    now = _told(state, arrival.device, limits)
    if now != before:
        effects.append(now)
    if phase is not None:
        effects += look(state, arrival.device, phase, plan, arrival.received_ms)
    return effects


def _told(state: DeviceState, device: str, limits: Limits) -> DeviceHealth:
    known, clock = state.battery, state.skew
    left_s = battery.empty_in_s(known) if known is not None else None
    return DeviceHealth(
        device=device,
        battery_trend_pct_h=battery.trend_pct_h(known) if known is not None else None,
        battery_empty_ms=None if known is None or left_s is None else known.told_ms + ms(left_s),
        battery_charging=known.rising if known is not None else None,
        clock_skew_ms=clock.skew_ms if clock is not None and skew.is_off(clock, limits) else None,
    )


def look(state: DeviceState, device: str, phase: Phase, plan: NursePlan, now_ms: int) -> list[Effect]:
    """Raise what is wrong with the device and was not told yet."""
    limits = phase.limits
    found: dict[What, _Why] = {}
    if state.battery is not None and battery.is_low(state.battery, limits):
        found["battery_low"] = battery.why(state.battery, limits)
    if state.skew is not None and skew.is_off(state.skew, limits):
        found["clock_skew"] = skew.why(state.skew, limits)
    wanted = _firmware_min(state, limits)
    if wanted is not None and is_older(state.firmware, wanted):
        found["firmware_old"] = {"how": "firmware_old", "firmware": state.firmware, "wanted": wanted}
    return [
        _raise(state, what, device, phase, plan, now_ms, why)
        for what, why in found.items()
        if what not in state.faults
    ]


def on_tick(
    devices: dict[str, DeviceState], phase: Phase, plan: NursePlan, now_ms: int, resumed_ms: int
) -> list[Effect]:
    """Let time pass: tell what was wrong before `phase` began, and that no device of hers finds itself."""
    effects: list[Effect] = []
    for device, state in devices.items():
        effects += look(state, device, phase, plan, now_ms)
    due_ms = wake_ms(devices, phase, resumed_ms)
    if due_ms is None or now_ms < due_ms:
        return effects
    speaking = [id for id in _finders(devices) if devices[id].alert is None]
    device = max(speaking, key=lambda id: (devices[id].heard_ms or 0, id))
    state = devices[device]
    why: _Why = {
        "how": "gps_lost",
        "last_fix_ms": state.gps_ms or None,
        "after_s": (now_ms - max(state.gps_ms, phase.since_ms)) / 1000,
        "allowed_s": phase.limits.gps_lost_s,
        "usable_m": USABLE_ACCURACY_M,
    }
    return [*effects, _raise(state, "gps_lost", device, phase, plan, now_ms, why)]


def wake_ms(devices: dict[str, DeviceState], phase: Phase, resumed_ms: int) -> int | None:
    """Return when the lack of a usable fix becomes an alert of `phase`; None if it can't.

    Who reports, but not where she is, has lost GPS; a device that says nothing is silent instead.
    """
    if phase.name != "visit" or phase.limits.gps_lost_s is None:
        return None
    finders = _finders(devices)
    if not finders or any("gps_lost" in devices[id].faults for id in finders):
        return None
    last_ms = max(devices[id].gps_ms for id in finders)
    # That a device fell silent is told already: that it does not say where she is follows from it.
    heard_ms = max((devices[id].heard_ms or 0 for id in finders if devices[id].alert is None), default=0)
    back_ms = max(max(devices[id].known_ms, devices[id].back_ms) for id in finders)
    since_ms = max(last_ms, phase.since_ms, resumed_ms, back_ms)
    if heard_ms <= since_ms:
        return None
    due_ms = since_ms + ms(phase.limits.gps_lost_s)
    return due_ms if due_ms <= phase.until_ms else None


def _finders(devices: dict[str, DeviceState]) -> list[str]:
    return [id for id, state in devices.items() if state.kind in _HAS_GPS]


def _mended(state: DeviceState, arrival: Arrival, limits: Limits) -> list[Effect]:
    """Note on the open alerts what is well again."""
    if not state.faults:
        return []
    at_ms = arrival.received_ms
    well: list[What] = []
    if state.battery is not None and battery.is_well(state.battery, limits):
        well.append("battery_low")
    if state.skew is None:
        well.append("clock_skew")
    if state.gps_ms == at_ms:
        well.append("gps_lost")
    wanted = _firmware_min(state, limits)
    if wanted is None or not is_older(state.firmware, wanted):
        well.append("firmware_old")
    alerts = [alert for what in well if (alert := state.faults.pop(what, None)) is not None]
    return [
        NoteAlert(id=derived_id("mended", alert, arrival.event_id), alert=alert, at_ms=at_ms, what="mended")
        for alert in alerts
    ]


def _raise(
    state: DeviceState, what: What, device: str, phase: Phase, plan: NursePlan, now_ms: int, why: _Why
) -> RaiseAlert:
    kind: AlertKind = "battery_low" if what == "battery_low" else "device_fault"
    cause = episode(state, device, f"{what}/{phase.visit.id}/{phase.name}")
    state.faults[what] = derived_id(kind, cause)
    return RaiseAlert(
        id=state.faults[what],
        kind=kind,
        severity="warning" if phase.name == "visit" and what in _URGENT else "info",
        org=plan.org,
        nurse=plan.nurse,
        device=device,
        visit=phase.visit_id,
        occurred_ms=now_ms,
        received_ms=now_ms,
        source_event=cause,
        why={"rule": kind, "device_kind": state.kind, **why},
    )


def _firmware_min(state: DeviceState, limits: Limits) -> str | None:
    wanted: str | None = getattr(limits, f"{state.kind}_firmware_min", None)
    return wanted


def is_older(firmware: str | None, wanted: str) -> bool:
    """Tell whether a version is below another, number by number; one that cannot be read is not."""
    found = _NUMBERS.search(firmware or "")
    if found is None:
        return False
    have, want = ([int(part) for part in text.split(".")] for text in (found[0], wanted))
    width = max(len(have), len(want))
    return have + [0] * (width - len(have)) < want + [0] * (width - len(want))
