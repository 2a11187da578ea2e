"""Geofence: she left the place of her visit, or went where she should not be.

Exit needs a fix clearly outside (beyond the edge by more than its error and a buffer), again on the next
ones, for a while: a lone jump of the GPS is no exit. Coming back needs a fix clearly inside, and a poor one
must lie deep inside: the edge in is another than the edge out. Whoever was never inside has not left.
Sources of the numbers: docs/rules.md.
"""

from typing import NamedTuple

import msgspec

from devices.identity import derived_id
from safety.domain.fence_limits import STANDARD, FenceLimits
from safety.rules.crossing import Crossing, Mark, mark_of, why_of
from safety.rules.effects import AlertKind, Effect, NoteAlert, RaiseAlert
from safety.rules.sight import Sight

UNKNOWN_ACCURACY_M = 50.0
"""What a fix without accuracy is taken for."""

USABLE_ACCURACY_M = 200.0
"""A fix worse than this says nothing about being inside, and must be outside by its whole error."""

SURE = 1.62
"""A reported accuracy holds 68 % of fixes; so many times it holds 95 %."""

POOR_DWELLS = 4
"""With such fixes alone the dwell is so many times as long: a phone may cling to a far tower for a minute."""

LEAST_ERROR_M = 20.0
"""Whatever it reports, a phone in a city is no better."""


class FenceState(msgspec.Struct, gc=False, array_like=True):
    """Where she is with regard to one fence; `inside` None: not known yet.

    `here_ms`: when she was last seen clearly on this side.
    """

    inside: bool | None = None
    crossing: Crossing | None = None
    alert: str | None = None
    here_ms: int = 0


class Watch(NamedTuple):
    """What is watched: a fence, in which way, for which visit, with which limits, until when (epoch ms)."""

    fence: str
    kind: AlertKind  # fence_exit of a stay-in fence, fence_enter of a keep-out fence
    visit: str | None
    limits: FenceLimits = STANDARD
    until_ms: int | None = None


def accuracy_of(sight: Sight) -> float:
    """Return the accuracy of a fix in metres."""
    accuracy_m = sight.position.accuracy_m
    return UNKNOWN_ACCURACY_M if accuracy_m is None else accuracy_m


def clear_m(accuracy_m: float, limits: FenceLimits) -> float:
    """Return how far beyond an edge a fix must lie to be clearly outside."""
    error_m = max(accuracy_m * SURE, LEAST_ERROR_M)
    if accuracy_m <= USABLE_ACCURACY_M:
        error_m = min(error_m, limits.accuracy_cap_m)
    return limits.buffer_m + error_m


def side_of(outside_m: float, accuracy_m: float, depth_m: float, limits: FenceLimits) -> bool | None:
    """Return True for clearly inside, False for clearly outside, None for anything between.

    `outside_m` metres outside the fence (negative: inside) is where the fix lies; `depth_m` is how far
    inside the fence's middle lies: no fix must lie deeper than half of it.
    """
    if outside_m > 0.0:
        return False if outside_m > clear_m(accuracy_m, limits) else None
    if accuracy_m <= limits.buffer_m:
        return True
    if accuracy_m > USABLE_ACCURACY_M:
        return None
    return True if -outside_m >= min(accuracy_m - limits.buffer_m, depth_m / 2.0) else None


def step(state: FenceState, sight: Sight, side: bool | None, outside_m: float, watch: Watch) -> list[Effect]:
    """Take in one fix, newer than all before, on `side` of the fence, `outside_m` outside of it."""
    if side is None:
        return []
    if side == state.inside:
        state.crossing = None
        state.here_ms = sight.time_ms
        return []
    if state.inside is None and not side and watch.kind == "fence_exit":
        state.crossing = None
        return []  # never arrived
    mark = mark_of(sight, outside_m, accuracy_of(sight))
    crossing = _count(state, mark, watch)
    return _decide(state, crossing, sight, watch, mark.time_ms - crossing.first.time_ms)


def _count(state: FenceState, mark: Mark, watch: Watch) -> Crossing:
    """Count a fix on the other side: good ones by themselves, poor ones only while there is no good one."""
    crossing, poor = state.crossing, mark.accuracy_m > USABLE_ACCURACY_M
    if crossing is None or (crossing.poor and not poor):
        limits = watch.limits
        if poor:
            limits = msgspec.structs.replace(limits, dwell_s=POOR_DWELLS * limits.dwell_s)
        crossing = state.crossing = Crossing(mark, mark, limits, watch.until_ms, poor=poor)
    if poor == crossing.poor:
        crossing.fixes += 1
        crossing.last = mark
    return crossing


def look_back(state: FenceState, sight: Sight, side: bool | None, outside_m: float) -> None:
    """Take in one fix that came late: it may tell when a crossing that goes on now began."""
    crossing = state.crossing
    if crossing is None or side is None or sight.time_ms <= state.here_ms:
        return
    if side == bool(state.inside):
        state.here_ms = sight.time_ms
        if crossing.first.time_ms < sight.time_ms < crossing.last.time_ms:
            crossing.first, crossing.fixes = crossing.last, 1
    elif sight.time_ms < crossing.first.time_ms and crossing.poor == (accuracy_of(sight) > USABLE_ACCURACY_M):
        crossing.first = mark_of(sight, outside_m, accuracy_of(sight))
        crossing.fixes += 1


def on_tick(state: FenceState, sight: Sight, now_ms: int, watch: Watch) -> list[Effect]:
    """Let time pass: enough clear fixes on the other side, and none since, count as dwelling there.

    `sight` is the newest fix of the nurse.
    """
    crossing = state.crossing
    if crossing is None:
        return []
    if crossing.until_ms is not None and now_ms >= crossing.until_ms:
        state.crossing = None
        return []
    return _decide(state, crossing, sight, watch, now_ms - crossing.first.received_ms)


def wake_ms(state: FenceState) -> int | None:
    """Return when `on_tick` can next matter, by time of receipt; None if it can't."""
    crossing = state.crossing
    if crossing is None or crossing.fixes < crossing.limits.min_fixes:
        return None
    return crossing.first.received_ms + round(crossing.limits.dwell_s * 1000)


def _decide(state: FenceState, crossing: Crossing, sight: Sight, watch: Watch, dwell_ms: int) -> list[Effect]:
    limits = crossing.limits
    leaves = watch.kind == "fence_exit"
    arrives = state.inside is None and leaves
    # One good fix at the address is enough to have arrived: whoever leaves soon after must not go unseen.
    if crossing.fixes < limits.min_fixes and not (arrives and crossing.last.accuracy_m <= limits.buffer_m):
        return []
    if arrives:
        state.inside, state.crossing, state.here_ms = True, None, sight.time_ms
        return []  # arrived: from now on leaving can be told
    if dwell_ms < limits.dwell_s * 1000:
        return []
    state.crossing = None
    state.inside = not state.inside
    state.here_ms = crossing.last.time_ms
    if state.inside == leaves:
        return _returned(state, sight)
    return [_raise(state, crossing, sight, watch, dwell_ms)]


def _raise(state: FenceState, crossing: Crossing, sight: Sight, watch: Watch, dwell_ms: int) -> RaiseAlert:
    first: Mark = crossing.first
    state.alert = derived_id(watch.kind, sight.nurse, watch.fence, first.event)
    return RaiseAlert(
        id=state.alert,
        kind=watch.kind,
        severity="warning",
        org=sight.org,
        nurse=sight.nurse,
        device=sight.device,
        visit=watch.visit,
        occurred_ms=first.time_ms,
        received_ms=sight.received_ms,
        source_event=first.event,
        position=sight.position,
        why=why_of(crossing, watch.kind, watch.fence, dwell_ms),
    )


def _returned(state: FenceState, sight: Sight) -> list[Effect]:
    alert, state.alert = state.alert, None
    if alert is None:
        return []
    note_id = derived_id("returned", alert, sight.event)
    return [NoteAlert(id=note_id, alert=alert, at_ms=sight.received_ms, what="returned")]
