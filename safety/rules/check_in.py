"""Check-in: a dead-man timer. Who should say "I am well" every so often and does not is missed.

It runs on ticks, so a phone that is off is missed as well.
"""

import msgspec

from devices import reports
from devices.identity import derived_id
from ingest.records import Arrival
from safety.domain.plan import VisitPlan
from safety.rules.effects import Effect, NoteAlert, RaiseAlert
from safety.rules.times import RESUME_MS

GRACE_SHARE = 0.1
MAX_GRACE_MS = 2 * 60_000
"""A check-in may be late by a tenth of its interval, and by two minutes at most."""


class CheckInState(msgspec.Struct):
    """The timer of one visit (epoch ms, by the time of receipt). `since_ms` is the last sign of her."""

    since_ms: int
    ended: bool = False
    alert: str | None = None


def start(visit: VisitPlan, now_ms: int) -> CheckInState:
    """Return the timer of a visit that became known at `now_ms`: it cannot be late before that."""
    return CheckInState(since_ms=max(visit.starts_ms, now_ms))


def step(state: CheckInState, arrival: Arrival, visit: VisitPlan) -> list[Effect]:
    """Take in one report of hers."""
    report = arrival.report
    if not isinstance(report, reports.EventBase) or report.visit not in (None, visit.id):
        return []
    if isinstance(report, reports.VisitEnded):
        state.ended = True
        return _seen(state, arrival)
    if not isinstance(report, reports.CheckedIn | reports.VisitStarted):
        return []
    if isinstance(report, reports.CheckedIn) and arrival.received_ms < visit.starts_ms:
        return []
    state.since_ms = max(state.since_ms, arrival.received_ms)
    return _seen(state, arrival)


def on_tick(
    state: CheckInState, visit: VisitPlan, nurse: str, org: str, now_ms: int, resumed_ms: int
) -> list[Effect]:
    """Let time pass: raise the alert when the deadline and its grace are over."""
    deadline_ms = wake_ms(state, visit, resumed_ms)
    if deadline_ms is None or now_ms < deadline_ms:
        return []
    every_ms = _every_ms(visit)
    due_ms = state.since_ms + every_ms
    state.alert = derived_id("missed_check_in", nurse, visit.id, str(due_ms))
    raised = RaiseAlert(
        id=state.alert,
        kind="missed_check_in",
        severity="high",
        org=org,
        nurse=nurse,
        device=None,
        visit=visit.id,
        occurred_ms=due_ms,
        received_ms=now_ms,
        source_event=f"{visit.id}/check_in_due/{due_ms}",
        why={
            "rule": "missed_check_in",
            "every_s": every_ms / 1000,
            "grace_s": _grace_ms(every_ms) / 1000,
            "last_sign_ms": state.since_ms,
        },
    )
    return [raised]


def wake_ms(state: CheckInState, visit: VisitPlan, resumed_ms: int) -> int | None:
    """Return when the check-in counts as missed; None if none is awaited.

    What she said while the service was away is still on its way for a while after `resumed_ms`.
    """
    if visit.check_in_every_s is None or state.ended or state.alert is not None:
        return None
    every_ms = _every_ms(visit)
    due_ms = state.since_ms + every_ms
    if due_ms > visit.ends_ms:
        return None
    missed_ms = due_ms + _grace_ms(every_ms)
    return max(missed_ms, resumed_ms + RESUME_MS) if state.since_ms < resumed_ms else missed_ms


def _seen(state: CheckInState, arrival: Arrival) -> list[Effect]:
    alert, state.alert = state.alert, None
    if alert is None:
        return []
    note_id = derived_id("checked_in", alert, arrival.event_id)
    return [NoteAlert(id=note_id, alert=alert, at_ms=arrival.received_ms, what="checked_in")]


def _every_ms(visit: VisitPlan) -> int:
    return round((visit.check_in_every_s or 0.0) * 1000)


def _grace_ms(every_ms: int) -> int:
    return min(round(every_ms * GRACE_SHARE), MAX_GRACE_MS)
