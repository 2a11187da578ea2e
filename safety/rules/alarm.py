"""Alarms: every one from a device becomes exactly one alert, whatever else is wrong with it.

Panic and duress page at once. Fall, no-motion and tamper may be taken back for a while, by PIN or button;
a duress PIN in place of the PIN is duress, and looks like success. An alarm sent again is the same alert.
"""

import msgspec

from devices import reports
from devices.identity import derived_id
from devices.reports import AlarmBase
from ingest.records import Arrival
from safety.domain.alert import TimelineWord
from safety.domain.plan import NursePlan
from safety.rules import planned_test, said_visits
from safety.rules.effects import (
    AlarmRepeated,
    AlertKind,
    CancelAlert,
    Effect,
    NoteAlert,
    RaiseAlert,
    Severity,
    TellDevice,
)
from safety.rules.limits import limits_of, ms
from safety.rules.pins import is_duress, is_wrong
from safety.rules.said_visits import SaidVisits
from safety.rules.times import late, plausible_ms

REPEAT_WINDOW_MS = 15 * 60_000
"""How long after its last sighting the same id or seq is a repeat whatever its time says. Later only the
same time makes it one: a device that was reset counts from the start again, and its press is new."""

FORGET_AFTER_MS = 7 * 24 * 3_600_000

PRETEND_FOR_S = 3600.0
"""How long a device is told that an alarm is closed which a duress PIN took back."""

_KINDS: dict[type[AlarmBase], tuple[AlertKind, Severity]] = {
    reports.PanicPressed: ("panic", "critical"),
    reports.DuressSignalled: ("duress", "critical"),
    reports.FallDetected: ("fall", "critical"),
    reports.NoMotionDetected: ("no_motion", "critical"),
    reports.TamperDetected: ("tamper", "high"),
}
_UNDER_DURESS = "/duress"
_PRESSED: frozenset[str] = frozenset({"panic", "duress"})


class Sighting(msgspec.Struct):
    """An alarm that was seen: under which names it may come again, and until when it may be taken back."""

    alert: str
    kind: AlertKind
    device: str
    alarm: str | None
    seq: int | None
    time_ms: int
    seen_ms: int
    cancel_until_ms: int | None
    test: bool = False
    # The device has counted from the start again since: only the same time makes a repeat of it.
    outdated: bool = False


class AlarmState(msgspec.Struct):
    """The alarms of one nurse that may still be repeated or taken back."""

    sightings: list[Sighting] = []
    # Alarms (device/id) that were taken back before they arrived, with the time of the cancellation.
    cancelled_early: dict[str, int] = {}
    # By device: until when the planned test was to be made that an alarm of it has used up.
    tests_used: dict[str, int] = {}
    said: SaidVisits = msgspec.field(default_factory=SaidVisits)


def step(state: AlarmState, arrival: Arrival, plan: NursePlan | None) -> list[Effect]:
    """Take in one report of the alarm lane."""
    forget(state, arrival.received_ms)
    report = arrival.report
    if isinstance(report, AlarmBase):
        return _alarm(state, arrival, report, plan)
    _notice_restart(state, arrival)
    if isinstance(report, reports.AlarmCancelled):
        return _cancelled(state, arrival, report, plan)
    if not isinstance(report, reports.EventBase) or plan is None:
        return []
    under_duress = is_duress(report.pin, plan)
    if not (under_duress and isinstance(report, said_visits.ENDS)):  # an end that was forced from her is none
        said_visits.step(state.said, arrival, report, plan)
    return [_duress(state, arrival, report, plan)] if under_duress else []


def forget(state: AlarmState, now_ms: int) -> None:
    """Drop what can no longer be repeated."""
    oldest_ms = now_ms - FORGET_AFTER_MS
    if state.sightings and state.sightings[0].seen_ms < oldest_ms:
        state.sightings = [seen for seen in state.sightings if seen.seen_ms >= oldest_ms]
    if state.cancelled_early:
        state.cancelled_early = {k: at for k, at in state.cancelled_early.items() if at >= oldest_ms}


def _alarm(state: AlarmState, arrival: Arrival, report: AlarmBase, plan: NursePlan | None) -> list[Effect]:
    kind, severity = _KINDS[type(report)]
    seen = _sighting_of(state, arrival, report, kind)
    if seen is not None:
        seen.seen_ms = arrival.received_ms
        repeat = AlarmRepeated(
            alert=seen.alert,
            device=arrival.device,
            alarm=report.alarm,
            alarm_seq=report.seq,
            received_ms=arrival.received_ms,
        )
        return [repeat]
    occurred_ms, time_doubt = plausible_ms(report.time_ms, arrival.received_ms)
    is_late = late(occurred_ms, arrival.received_ms)
    planned = planned_test.meets(state.tests_used, arrival, report, plan)
    visit = said_visits.visit_at(state.said, plan, occurred_ms) if plan else None
    window_ms = 0 if kind in _PRESSED or is_late else ms(limits_of(plan, visit).cancel_window_s)
    cancel_until_ms = arrival.received_ms + window_ms if window_ms else None
    raised = RaiseAlert(
        id=derived_id(kind, arrival.event_id, report.alarm or ""),
        kind=kind,
        severity=severity,
        org=arrival.org,
        nurse=arrival.nurse,
        device=arrival.device,
        visit=visit.id if visit else None,
        occurred_ms=occurred_ms,
        received_ms=arrival.received_ms,
        source_event=arrival.event_id,
        position=report.position,
        alarm=report.alarm,
        alarm_seq=report.seq,
        test=report.test or planned is not None,
        silent=report.silent or kind == "duress",
        late=is_late,
        doubts=report.doubts + time_doubt,
        merges="nurse" if kind in _PRESSED else None,
        cancel_until_ms=cancel_until_ms,
        why={"rule": kind, "said_by": arrival.device, "cancel_window_s": window_ms / 1000, **(planned or {})},
    )
    state.sightings.append(
        Sighting(
            alert=raised.id,
            kind=kind,
            device=arrival.device,
            alarm=report.alarm,
            seq=report.seq,
            time_ms=report.time_ms,
            seen_ms=arrival.received_ms,
            cancel_until_ms=cancel_until_ms,
            test=report.test,
        )
    )
    return [raised, *_overtaken(state, state.sightings[-1], arrival)]


def _sighting_of(state: AlarmState, arrival: Arrival, report: AlarmBase, kind: AlertKind) -> Sighting | None:
    """Return the sighting of which this is a repeat: same id, or same seq, or same time, as far as given.

    What is real is no repeat of a test.
    """
    for seen in reversed(state.sightings):
        if seen.device != arrival.device or seen.kind != kind or (seen.test and not report.test):
            continue
        if report.alarm is not None and seen.alarm is not None:
            same = report.alarm == seen.alarm
        elif report.seq is not None or seen.seq is not None:
            same = report.seq == seen.seq
        else:
            same = report.time_ms == seen.time_ms
        recent = arrival.received_ms - seen.seen_ms <= REPEAT_WINDOW_MS and not seen.outdated
        if same and (recent or report.time_ms == seen.time_ms):
            return seen
    return None


def _notice_restart(state: AlarmState, arrival: Arrival) -> None:
    """Note that an event with a smaller number came later: the device counts from the start again."""
    seq, time_ms = arrival.report.seq, arrival.report.time_ms
    for seen in state.sightings:
        if seq is None or seen.seq is None or seen.alarm is not None or seen.device != arrival.device:
            continue
        seen.outdated = seen.outdated or (seq < seen.seq and time_ms > seen.time_ms)


def _cancelled(
    state: AlarmState, arrival: Arrival, report: reports.AlarmCancelled, plan: NursePlan | None
) -> list[Effect]:
    named = [seen for seen in state.sightings if _is_meant(seen, arrival, report.alarm)]
    if report.alarm is not None:
        # Names are each device's own making: another one's alarm of that name only where it has none.
        named = [seen for seen in named if seen.device == arrival.device] or named
    if is_duress(report.pin, plan):
        pending = [seen for seen in named if _can_cancel(seen, arrival)]
        if not named and report.alarm is not None:
            state.cancelled_early[_early(arrival, f"{report.alarm}{_UNDER_DURESS}")] = arrival.received_ms
        return [
            _duress(state, arrival, report, plan),
            *(effect for seen in pending for effect in _pretend(seen, arrival)),
        ]
    if is_wrong(report.pin, plan):
        return [_note(seen, arrival, "cancel_refused") for seen in named if _can_cancel(seen, arrival)]
    if not named and report.alarm is not None:
        state.cancelled_early[_early(arrival, report.alarm)] = arrival.received_ms
    effects: list[Effect] = []
    for seen in named:
        if _can_cancel(seen, arrival):
            effects += _cancel(seen, arrival)
        elif report.alarm is not None:
            effects.append(_note(seen, arrival, "cancel_too_late"))
    return effects


def _is_meant(seen: Sighting, arrival: Arrival, alarm: str | None) -> bool:
    """Tell whether a cancellation of `alarm` (None: of all that there were) can mean this one.

    One that is delivered again must not take back what the device said after it.
    """
    if alarm is not None:
        return alarm in (seen.alarm, str(seen.seq))
    return seen.device != arrival.device or seen.time_ms <= arrival.report.time_ms


def _early(arrival: Arrival, alarm: str) -> str:
    return f"{arrival.device}/{alarm}"


def _overtaken(state: AlarmState, seen: Sighting, arrival: Arrival) -> list[Effect]:
    """Do what a cancellation wanted that came in before its alarm."""
    name = seen.alarm if seen.alarm is not None else str(seen.seq)
    if seen.cancel_until_ms is None:
        return []
    if state.cancelled_early.pop(_early(arrival, f"{name}{_UNDER_DURESS}"), None) is not None:
        return _pretend(seen, arrival)
    if state.cancelled_early.pop(_early(arrival, name), None) is not None:
        return _cancel(seen, arrival)
    return []


def _can_cancel(seen: Sighting, arrival: Arrival) -> bool:
    return seen.cancel_until_ms is not None and arrival.received_ms <= seen.cancel_until_ms


def _cancel(seen: Sighting, arrival: Arrival) -> list[Effect]:
    seen.cancel_until_ms = None
    cancel_id = derived_id("cancel", seen.alert, arrival.event_id)
    return [CancelAlert(id=cancel_id, alert=seen.alert, at_ms=arrival.received_ms, reason="by_nurse")]


def _pretend(seen: Sighting, arrival: Arrival) -> list[Effect]:
    """Have the device believe that the alarm is closed; the alert stays, and nobody can take it back now."""
    seen.cancel_until_ms = None
    closed = TellDevice(
        id=derived_id("alarm_closed", seen.alert, arrival.event_id),
        device=seen.device,
        kind="alarm_closed",
        at_ms=arrival.received_ms,
        ttl_s=PRETEND_FOR_S,
        alarm=seen.alarm if seen.alarm is not None else (None if seen.seq is None else str(seen.seq)),
        alarm_seq=seen.seq,
        alert=seen.alert,
    )
    return [_note(seen, arrival, "duress_pin"), closed]


def _note(seen: Sighting, arrival: Arrival, what: TimelineWord) -> Effect:
    note_id = derived_id(what, seen.alert, arrival.event_id)
    return NoteAlert(id=note_id, alert=seen.alert, at_ms=arrival.received_ms, what=what)


def _duress(state: AlarmState, arrival: Arrival, report: reports.EventBase, plan: NursePlan | None) -> Effect:
    """She gave her duress PIN: on the device it looks like success, here it is an alert."""
    occurred_ms, doubts = plausible_ms(report.time_ms, arrival.received_ms)
    visit = None
    if plan is not None:
        visit = said_visits.named(report, plan) or said_visits.visit_at(state.said, plan, occurred_ms)
    return RaiseAlert(
        id=derived_id("duress", arrival.event_id),
        kind="duress",
        severity="critical",
        org=arrival.org,
        nurse=arrival.nurse,
        device=arrival.device,
        visit=visit.id if visit else None,
        occurred_ms=occurred_ms,
        received_ms=arrival.received_ms,
        source_event=arrival.event_id,
        position=report.position,
        silent=True,
        late=late(occurred_ms, arrival.received_ms),
        doubts=doubts,
        merges="nurse",
        why={"rule": "duress", "said_by": arrival.device, "how": "duress_pin"},
    )
