"""Silence: during a visit a device stopped reporting, or its last will came.

Silence is judged by when reports came in, never by the device's clock. A last will counts only after a
while: networks flap.
"""

import msgspec

from devices import reports
from devices.identity import derived_id
from ingest.records import Arrival
from safety.domain.plan import VisitPlan
from safety.rules.effects import Effect, NoteAlert, RaiseAlert

SILENT_AFTER_MS: dict[str, int] = {"phone": 180_000, "recorder": 600_000}
"""How long each kind may say nothing during a visit; a button speaks only when pressed."""

OFFLINE_AFTER_MS = 30_000
"""How long a device may be offline by its last will before people are told."""


class DeviceState(msgspec.Struct):
    """What was last heard of one device (epoch ms of receipt; None: never)."""

    kind: str = ""
    heard_ms: int | None = None
    offline_ms: int | None = None
    alert: str | None = None
    alert_visit: str | None = None


def step(state: DeviceState, arrival: Arrival) -> list[Effect]:
    """Take in one report of the device."""
    report = arrival.report
    if isinstance(report, reports.StatusReported) and report.online is False:
        if state.offline_ms is None:
            state.offline_ms = arrival.received_ms
        return []
    state.offline_ms = None
    state.heard_ms = max(state.heard_ms or 0, arrival.received_ms)
    alert, state.alert = state.alert, None
    if alert is None:
        return []
    note_id = derived_id("heard_again", alert, arrival.event_id)
    return [NoteAlert(id=note_id, alert=alert, at_ms=arrival.received_ms, what="heard_again")]


def on_tick(
    state: DeviceState,
    device: str,
    visit: VisitPlan,
    nurse: str,
    org: str,
    now_ms: int,
    resumed_ms: int,
) -> list[Effect]:
    """Let time pass during `visit`: raise the alert when the device has been silent for too long."""
    due_ms = wake_ms(state, visit, resumed_ms)
    if due_ms is None or now_ms < due_ms:
        return []
    since_ms = state.offline_ms if state.offline_ms is not None else state.heard_ms or 0
    state.alert = derived_id("device_silent", device, visit.id, str(since_ms))
    state.alert_visit = visit.id
    raised = RaiseAlert(
        id=state.alert,
        kind="device_silent",
        severity="warning",
        org=org,
        nurse=nurse,
        device=device,
        visit=visit.id,
        occurred_ms=since_ms,
        received_ms=now_ms,
        source_event=f"{device}/silent_since/{since_ms}",
        merges="device",
        why={
            "rule": "device_silent",
            "how": "last_will" if state.offline_ms is not None else "no_reports",
            "last_heard_ms": state.heard_ms,
            "after_s": (now_ms - since_ms) / 1000,
        },
    )
    return [raised]


def wake_ms(state: DeviceState, visit: VisitPlan, resumed_ms: int) -> int | None:
    """Return when the device's silence becomes an alert; None if it can't.

    A device that was never heard cannot fall silent, and before the visit silence means nothing; nor does
    it while the service itself does not hear (until `resumed_ms`).
    """
    since_ms = max(visit.starts_ms, resumed_ms)
    if state.alert is not None and state.alert_visit == visit.id:
        return None
    if state.offline_ms is not None:
        return max(state.offline_ms, since_ms) + OFFLINE_AFTER_MS
    allowed_ms = SILENT_AFTER_MS.get(state.kind)
    if state.heard_ms is None or allowed_ms is None:
        return None
    return max(state.heard_ms, since_ms) + allowed_ms
