"""Silence: a device of hers stopped reporting, or its last will came, while she is on a visit or on duty.

Silence is judged by when reports came in, never by the device's clock. A last will counts only after a
while, and after a longer one the less steady the connection is: networks flap.
"""

from devices import reports
from devices.identity import derived_id
from ingest.records import Arrival
from safety.domain.limits import Limits
from safety.domain.plan import NursePlan
from safety.rules.device import DeviceState, Drops
from safety.rules.effects import Effect, NoteAlert, RaiseAlert
from safety.rules.limits import limits_of, ms
from safety.rules.phases import Phase
from safety.rules.sight import Sight

PAUSE_MS = 5 * 60_000
"""A device that said nothing for longer may need a while to find itself again."""

MAX_DOUBLINGS = 4
"""A connection that keeps dropping is given up to 16 times as long to come back."""


def step(state: DeviceState, arrival: Arrival, plan: NursePlan) -> list[Effect]:
    """Take in that the device was heard, or that its last will came."""
    report = arrival.report
    if isinstance(report, reports.StatusReported) and report.online is False:
        if state.offline_ms is None:
            state.offline_ms = arrival.received_ms
            state.drops = _dropped(state.drops, arrival.received_ms, limits_of(plan, None))
        return []
    return hear(state, arrival)


def hear(state: DeviceState, arrival: Arrival) -> list[Effect]:
    """Take in a report of the device's own."""
    state.offline_ms = None
    at_ms = arrival.received_ms
    if state.heard_ms is None or at_ms - state.heard_ms > PAUSE_MS:
        state.back_ms = at_ms
    if state.heard_ms is None or at_ms > state.heard_ms:
        state.heard_ms = at_ms
    if state.alert is None:
        return []
    alert, state.alert = state.alert, None
    note_id = derived_id("heard_again", alert, arrival.event_id)
    return [NoteAlert(id=note_id, alert=alert, at_ms=arrival.received_ms, what="heard_again")]


def on_tick(
    state: DeviceState,
    device: str,
    phase: Phase,
    plan: NursePlan,
    newest: Sight | None,
    now_ms: int,
    resumed_ms: int,
) -> list[Effect]:
    """Let time pass during `phase`: raise the alert when the device has been silent for too long."""
    due_ms = wake_ms(state, phase, resumed_ms)
    if due_ms is None or now_ms < due_ms:
        return []
    since_ms = state.offline_ms
    if since_ms is None:
        since_ms = state.heard_ms if state.heard_ms is not None else max(state.known_ms, phase.since_ms)
    state.alert = derived_id("device_silent", device, phase.visit.id, phase.name, str(since_ms))
    state.alert_ms = now_ms
    raised = RaiseAlert(
        id=state.alert,
        kind="device_silent",
        severity="warning" if phase.name == "visit" else "info",
        org=plan.org,
        nurse=plan.nurse,
        device=device,
        visit=phase.visit_id,
        occurred_ms=since_ms,
        received_ms=now_ms,
        source_event=f"{device}/silent_since/{since_ms}",
        merges="device",
        why=_why(state, phase, newest, now_ms, since_ms),
    )
    return [raised]


def wake_ms(state: DeviceState, phase: Phase, resumed_ms: int) -> int | None:
    """Return when the device's silence becomes an alert of `phase`; None if it can't.

    Before the phase silence means nothing; nor does it while the service itself does not hear (until
    `resumed_ms`). On duty only what was heard then can fall silent: she may not have switched it on yet.
    A silence is told once, and once more when she goes from duty to a visit with it.
    """
    if state.alert is not None and state.alert_ms >= phase.since_ms:
        return None
    if phase.name == "duty" and (state.heard_ms is None or state.heard_ms < phase.since_ms - PAUSE_MS):
        return None
    since_ms = max(phase.since_ms, resumed_ms, state.known_ms)
    waited_s = _waited_s(state, phase)
    if waited_s is None:
        return None
    last_ms = state.offline_ms if state.offline_ms is not None else state.heard_ms or 0
    due_ms = max(last_ms, since_ms) + ms(waited_s)
    return due_ms if due_ms <= phase.until_ms else None


def _waited_s(state: DeviceState, phase: Phase) -> float | None:
    """Return how long the device may be silent; a last will waits less, but longer with every drop."""
    limits = phase.limits
    if phase.name == "duty":
        on_duty_s: float | None = getattr(limits, f"{state.kind}_silent_on_duty_s", None)
        return on_duty_s
    allowed_s: float | None = getattr(limits, f"{state.kind}_silent_s", None)
    if state.offline_ms is None:
        return allowed_s
    drops = state.drops.count if state.drops is not None else 1
    damped_s = limits.offline_s * 2.0 ** min(drops - 1, MAX_DOUBLINGS)
    return damped_s if allowed_s is None else min(damped_s, max(allowed_s, limits.offline_s))


def _dropped(before: Drops | None, at_ms: int, limits: Limits) -> Drops:
    if before is None or at_ms - before.last_ms > ms(limits.flap_window_s):
        return Drops(1, at_ms)
    return Drops(before.count + 1, at_ms)


def _why(
    state: DeviceState, phase: Phase, newest: Sight | None, now_ms: int, since_ms: int
) -> dict[str, str | int | float | bool | None]:
    silent = "no_reports" if state.heard_ms is not None else "never_heard"
    return {
        "rule": "device_silent",
        "how": silent if state.offline_ms is None else "last_will",
        "during": phase.name,
        "device_kind": state.kind,
        "last_heard_ms": state.heard_ms,
        "after_s": (now_ms - since_ms) / 1000,
        "allowed_s": _waited_s(state, phase),
        "drops": state.drops.count if state.drops is not None else 0,
        "battery_pct": state.battery.pct if state.battery is not None else None,
        "position_age_s": (now_ms - newest.time_ms) / 1000 if newest is not None else None,
    }
