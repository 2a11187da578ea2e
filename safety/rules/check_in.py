"""Check-in: a dead-man timer. Who should say "I am well" every so often and does not is missed.

It runs on ticks, so a phone that is off is missed as well. Her phone reminds her before it is due. What
counts is when she said it, if it comes late: what a phone kept for an hour says nothing about now.
"""

import msgspec

from devices import reports
from devices.identity import derived_id
from devices.rfc3339 import rfc3339
from ingest.records import Arrival
from safety.domain.alert import TimelineWord
from safety.domain.limits import Limits, grace_s, reminder_s
from safety.domain.plan import NursePlan, VisitPlan
from safety.rules.effects import Effect, NoteAlert, RaiseAlert, TellDevice
from safety.rules.limits import limits_of, ms
from safety.rules.pins import is_wrong
from safety.rules.times import RESUME_MS, late, plausible_ms

REMINDED = frozenset({"phone", "recorder"})
"""The kinds of devices that can say something to her."""


class CheckInState(msgspec.Struct, gc=False, array_like=True):
    """The timer of one visit (epoch ms, by the time of receipt). `since_ms` is the last sign of her.

    `extra_ms` is by how much she put off the next one; `reminded_ms` is the deadline she was reminded of.
    """

    since_ms: int
    alert: str | None = None
    extra_ms: int = 0
    reminded_ms: int | None = None


def start(visit: VisitPlan, now_ms: int) -> CheckInState:
    """Return the timer of a visit that became known at `now_ms`: it cannot be late before that."""
    return CheckInState(since_ms=max(visit.starts_ms, now_ms))


def begin_at(state: CheckInState, before: VisitPlan, visit: VisitPlan, now_ms: int) -> None:
    """Take over another start: from then on check-ins are awaited, but for one that has passed, from now on.

    What she has said since the new start counts on, and so does the time since the old one if both are past.
    """
    if before.starts_ms == visit.starts_ms:
        return
    heard = state.since_ms != before.starts_ms
    since_ms = max(visit.starts_ms, state.since_ms if heard else min(state.since_ms, now_ms))
    if since_ms != state.since_ms:
        state.since_ms, state.extra_ms = since_ms, 0
    if visit.starts_ms > now_ms:
        state.alert = None


def ask_every(state: CheckInState, before: float | None, every_s: float | None, now_ms: int) -> None:
    """Take over how often to check in: whoever is asked more often than `before` has `every_s` from now on.

    The next one is due no later than it was.
    """
    if every_s is None or (before is not None and every_s >= before):
        return
    since_ms = max(state.since_ms, now_ms)
    if before is not None:
        since_ms = min(since_ms, state.since_ms + ms(before) - ms(every_s))
    state.since_ms = since_ms


def step(state: CheckInState, arrival: Arrival, visit: VisitPlan, plan: NursePlan) -> list[Effect]:
    """Take in one event of hers that concerns `visit`."""
    report = arrival.report
    if isinstance(report, reports.VisitEnded):
        return hear(state, arrival)
    if not isinstance(report, reports.CheckedIn | reports.VisitStarted):
        return []
    if isinstance(report, reports.CheckedIn):
        if arrival.received_ms < visit.starts_ms:
            return []
        if is_wrong(report.pin, plan):
            return _refuse(state, arrival, plan)
    heard_ms = said_ms(arrival)
    limits = limits_of(plan, visit)
    if heard_ms > state.since_ms:
        state.since_ms = heard_ms
        state.extra_ms = _extra_ms(report, limits)
    every_s = interval_s(visit, limits)
    if every_s is not None and state.since_ms + ms(every_s) + state.extra_ms <= arrival.received_ms:
        return _heard_of_late(state, arrival, heard_ms)
    return hear(state, arrival)


def on_tick(
    state: CheckInState, visit: VisitPlan, plan: NursePlan, now_ms: int, resumed_ms: int
) -> list[Effect]:
    """Let time pass: remind her, and raise the alert when the deadline and its grace are over."""
    limits = limits_of(plan, visit)
    times = _times(state, visit, limits, resumed_ms)
    if times is None:
        return []
    remind_ms, due_ms, missed_ms = times
    if now_ms >= missed_ms:
        return [_missed(state, visit, plan, limits, due_ms, now_ms)]
    if remind_ms is not None and now_ms >= remind_ms:
        state.reminded_ms = due_ms
        return _reminders(visit, plan, due_ms, missed_ms, now_ms)
    return []


def wake_ms(state: CheckInState, visit: VisitPlan, limits: Limits, resumed_ms: int) -> int | None:
    """Return when she is to be reminded, or counts as missed; None if no check-in is awaited."""
    times = _times(state, visit, limits, resumed_ms)
    if times is None:
        return None
    remind_ms, _, missed_ms = times
    return missed_ms if remind_ms is None else min(remind_ms, missed_ms)


def _times(
    state: CheckInState, visit: VisitPlan, limits: Limits, resumed_ms: int
) -> tuple[int | None, int, int] | None:
    """Return when to remind her (None: done), when the check-in is due, and when it counts as missed.

    What she said while the service was away is still on its way for a while after `resumed_ms`.
    """
    every_s = interval_s(visit, limits)
    if every_s is None or state.alert is not None:
        return None
    due_ms = state.since_ms + ms(every_s) + state.extra_ms
    if due_ms > visit.ends_ms:
        return None
    missed_ms = due_ms + ms(grace_s(limits, every_s, visit.risk))
    if state.since_ms < resumed_ms:
        missed_ms = max(missed_ms, resumed_ms + RESUME_MS)
    lead_ms = ms(reminder_s(limits, every_s))
    remind_ms = due_ms - lead_ms if lead_ms and state.reminded_ms != due_ms else None
    return remind_ms, due_ms, missed_ms


def _missed(
    state: CheckInState, visit: VisitPlan, plan: NursePlan, limits: Limits, due_ms: int, now_ms: int
) -> RaiseAlert:
    every_s = interval_s(visit, limits) or 0.0
    state.alert = derived_id("missed_check_in", plan.nurse, visit.id, str(due_ms))
    return RaiseAlert(
        id=state.alert,
        kind="missed_check_in",
        severity="high",
        org=plan.org,
        nurse=plan.nurse,
        device=None,
        visit=visit.id,
        occurred_ms=due_ms,
        received_ms=now_ms,
        source_event=f"{visit.id}/check_in_due/{due_ms}",
        why={
            "rule": "missed_check_in",
            "every_s": every_s,
            "grace_s": grace_s(limits, every_s, visit.risk),
            "extended_s": state.extra_ms / 1000,
            "last_sign_ms": state.since_ms,
            "reminded": state.reminded_ms == due_ms,
            "risk": visit.risk,
        },
    )


def _reminders(visit: VisitPlan, plan: NursePlan, due_ms: int, missed_ms: int, now_ms: int) -> list[Effect]:
    details: dict[str, str | int | float | bool | None] = {
        "text": "check_in_reminder",
        "visit": visit.id,
        "due": rfc3339(due_ms),
    }
    return [
        TellDevice(
            id=derived_id("check_in_reminder", visit.id, device.id, str(due_ms)),
            device=device.id,
            kind="message",
            details=details,
            at_ms=now_ms,
            ttl_s=max(missed_ms - now_ms, 1000) / 1000,
        )
        for device in plan.devices
        if device.kind in REMINDED
    ]


def _refuse(state: CheckInState, arrival: Arrival, plan: NursePlan) -> list[Effect]:
    """Take a wrong PIN for no sign of her; tell the device, so that a slip of the finger can be mended."""
    told = TellDevice(
        id=derived_id("pin_refused", arrival.event_id),
        device=arrival.device,
        kind="message",
        details={"text": "pin_refused"},
        at_ms=arrival.received_ms,
        ttl_s=60.0,
    )
    return [told, *_note(state.alert, arrival, "check_in_refused")]


def _heard_of_late(state: CheckInState, arrival: Arrival, heard_ms: int) -> list[Effect]:
    """She was well then, but the next check-in after it is due already: the alert stays."""
    return _note(state.alert, arrival, "checked_in", {"said_ms": heard_ms})


def hear(state: CheckInState, arrival: Arrival) -> list[Effect]:
    """Take in a sign of her: whatever she missed before is over."""
    alert, state.alert = state.alert, None
    return _note(alert, arrival, "checked_in")


def _note(
    alert: str | None,
    arrival: Arrival,
    what: TimelineWord,
    detail: dict[str, str | int | float | bool | None] | None = None,
) -> list[Effect]:
    if alert is None:
        return []
    note_id = derived_id(what, alert, arrival.event_id)
    return [NoteAlert(id=note_id, alert=alert, at_ms=arrival.received_ms, what=what, detail=detail or {})]


def said_ms(arrival: Arrival) -> int:
    """Return when she said it: when it came in, unless it was on its way for long."""
    occurred_ms, _ = plausible_ms(arrival.report.time_ms, arrival.received_ms)
    return occurred_ms if late(occurred_ms, arrival.received_ms) else arrival.received_ms


def _extra_ms(report: reports.Report, limits: Limits) -> int:
    asked_s = report.extend_s if isinstance(report, reports.CheckedIn) else None
    return ms(min(asked_s or 0.0, limits.check_in_extension_max_s))


def interval_s(visit: VisitPlan, limits: Limits) -> float | None:
    """Return how often she is to check in; None: never."""
    return visit.check_in_every_s if visit.check_in_every_s is not None else limits.check_in_every_s
