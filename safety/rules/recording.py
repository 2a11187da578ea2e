"""Recording: a nurse who carries a work recorder must be recording while she is at a visit.

Not started, stopped and not started again, or running without a segment for long: each is told once, until a
recorder of hers runs again. One running recorder is enough. What a recorder does not say because it says
nothing at all is a matter of silence.
"""

from typing import Literal, NamedTuple

from devices import reports
from devices.identity import derived_id
from ingest.records import Arrival
from safety.domain.plan import NursePlan
from safety.rules.device import DeviceState, Recording, episode
from safety.rules.effects import Effect, NoteAlert, RaiseAlert
from safety.rules.limits import ms
from safety.rules.phases import Phase
from safety.rules.times import RESUME_MS

MISSED_SEGMENTS = 2
"""A recorder with segments longer than the limit may be this many times their length without one."""

How = Literal["not_recording", "recording_stopped", "recording_stalled"]


class Lack(NamedTuple):
    """That a recorder does not record: how, since when and when it is told (epoch ms), what is allowed."""

    how: How
    since_ms: int
    due_ms: int
    allowed_s: float


def step(devices: dict[str, DeviceState], arrival: Arrival) -> list[Effect]:
    """Take in a work record of one of her recorders."""
    state = devices[arrival.device]
    known = state.recording if state.recording is not None else Recording()
    if not _take_in(known, arrival):
        return []
    state.recording = known
    return _mended(devices, arrival) if known.running else []


def on_tick(
    devices: dict[str, DeviceState],
    phase: Phase,
    began_ms: int | None,
    plan: NursePlan,
    now_ms: int,
    resumed_ms: int,
) -> list[Effect]:
    """Let time pass during `phase`; her visit `began_ms` (None: it is not known to have)."""
    lacks = _lacks(devices, phase, began_ms, resumed_ms)
    if not lacks or now_ms < max(lack.due_ms for lack in lacks.values()):
        return []
    # The one that was heard last is the one she wears.
    device = max(lacks, key=lambda id: (devices[id].heard_ms or 0, id))
    return [_raise(devices[device], device, lacks[device], phase, plan, now_ms)]


def wake_ms(
    devices: dict[str, DeviceState], phase: Phase, began_ms: int | None, resumed_ms: int
) -> int | None:
    """Return when the lack of a recording becomes an alert of `phase`; None if it can't."""
    lacks = _lacks(devices, phase, began_ms, resumed_ms)
    return max((lack.due_ms for lack in lacks.values()), default=None)


def _take_in(known: Recording, arrival: Arrival) -> bool:
    """Take in whether it records; tell whether the report was news of that."""
    report, at_ms = arrival.report, arrival.received_ms
    if isinstance(report, reports.RecordingStarted | reports.RecordingStopped):
        if report.time_ms < known.said_ms:
            return False  # it was overtaken
        running = isinstance(report, reports.RecordingStarted)
        if running != known.running:
            known.since_ms = at_ms
        known.running, known.said_ms = running, report.time_ms
    elif isinstance(report, reports.SegmentRecorded):
        known.segment_s = max(known.segment_s, report.duration_s)
        from_ms = report.time_ms - ms(report.duration_s)
        if not known.running:
            if from_ms < known.said_ms:
                return False  # the last one of what was stopped
            known.since_ms, known.said_ms = at_ms, from_ms
        known.running = True
    else:
        return False
    known.sign_ms = max(known.sign_ms, at_ms)
    return True


def _lacks(
    devices: dict[str, DeviceState], phase: Phase, began_ms: int | None, resumed_ms: int
) -> dict[str, Lack]:
    """Return of each recorder that it is not recording; empty where one is, or where nobody asks."""
    grace_s = phase.limits.recording_grace_s
    if phase.name != "visit" or began_ms is None or grace_s is None:
        return {}
    lacks: dict[str, Lack] = {}
    for id, state in devices.items():
        if state.kind != "recorder":
            continue
        known = state.recording
        if known is not None and known.alert is not None and known.visit == phase.visit.id:
            return {}
        from_ms = max(began_ms, state.known_ms)
        lack = _stall(state, known, phase) if known is not None and known.running else None
        if lack is None and known is not None and known.running:
            return {}
        if lack is None:
            stopped = known is not None and known.said_ms >= 0 and known.since_ms >= from_ms
            since_ms = known.since_ms if known is not None and stopped else from_ms
            how: How = "recording_stopped" if stopped else "not_recording"
            lack = Lack(how, since_ms, since_ms + ms(grace_s), grace_s)
        heard_ms = resumed_ms + RESUME_MS if resumed_ms else 0  # what they kept meanwhile is still coming in
        lacks[id] = lack._replace(due_ms=max(lack.due_ms, heard_ms, from_ms))
    if lacks and max(lack.due_ms for lack in lacks.values()) > phase.until_ms:
        return {}
    return lacks


def _stall(state: DeviceState, known: Recording, phase: Phase) -> Lack | None:
    """Return when a recorder that is said to run, and is not known to be silent, has told of no segment."""
    limit_s = phase.limits.recording_stalled_s
    if limit_s is None or not known.segment_s or state.alert is not None:
        return None
    allowed_s = max(limit_s, MISSED_SEGMENTS * known.segment_s)
    return Lack("recording_stalled", known.sign_ms, known.sign_ms + ms(allowed_s), allowed_s)


def _mended(devices: dict[str, DeviceState], arrival: Arrival) -> list[Effect]:
    effects: list[Effect] = []
    for state in devices.values():
        if state.recording is not None and state.recording.alert is not None:
            alert, state.recording.alert = state.recording.alert, None
            note_id = derived_id("mended", alert, arrival.event_id)
            effects.append(NoteAlert(id=note_id, alert=alert, at_ms=arrival.received_ms, what="mended"))
    return effects


def _raise(
    state: DeviceState, device: str, lack: Lack, phase: Phase, plan: NursePlan, now_ms: int
) -> RaiseAlert:
    known = state.recording = state.recording if state.recording is not None else Recording()
    known.visit = phase.visit.id
    cause = episode(state, device, f"recording/{phase.visit.id}")
    known.alert = derived_id("device_fault", cause)
    return RaiseAlert(
        id=known.alert,
        kind="device_fault",
        severity="warning",
        org=plan.org,
        nurse=plan.nurse,
        device=device,
        visit=phase.visit_id,
        occurred_ms=lack.since_ms,
        received_ms=now_ms,
        source_event=cause,
        why={
            "rule": "device_fault",
            "how": lack.how,
            "device_kind": state.kind,
            "since_ms": lack.since_ms,
            "after_s": (now_ms - lack.since_ms) / 1000,
            "allowed_s": lack.allowed_s,
        },
    )
