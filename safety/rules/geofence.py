"""Geofence: she left the place of her visit, or went where she should not be.

Exit needs a fix clearly outside (distance − accuracy beyond the edge and a buffer), again on the next
ones, for a while: a lone jump of the GPS is no exit. Coming back needs a fix clearly inside. Whoever was
never inside has not left. Sources of the numbers: docs/rules.md.
"""

import msgspec

from devices.identity import derived_id
from safety.rules.effects import AlertKind, Effect, NoteAlert, RaiseAlert
from safety.rules.sight import Sight

BUFFER_M = 25.0
"""Beyond the edge by this much more than the accuracy, a fix is outside."""

ACCURACY_CAP_M = 100.0
"""A reported accuracy counts up to this much: without a cap a poor GPS would hide a true exit."""

UNKNOWN_ACCURACY_M = 50.0
"""What a fix without accuracy is taken for."""

USABLE_ACCURACY_M = 200.0
"""A fix worse than this says nothing about being inside."""

CLEAR_M = ACCURACY_CAP_M + BUFFER_M
"""Whatever its accuracy, a fix that is farther outside than this is outside."""

DWELL_MS = 20_000
MIN_FIXES = 2


class Crossing(msgspec.Struct):
    """The fixes on the other side of the edge since she was last clearly on this one."""

    since_ms: int
    received_ms: int
    event: str
    fixes: int = 0
    outside_m: float = 0.0
    accuracy_m: float = 0.0


class FenceState(msgspec.Struct):
    """Where she is with regard to one fence; `inside` None: not known yet."""

    inside: bool | None = None
    crossing: Crossing | None = None
    alert: str | None = None


class Watch(msgspec.Struct, frozen=True):
    """What is watched: a fence, in which way, for which visit."""

    fence: str
    kind: AlertKind  # fence_exit of a stay-in fence, fence_enter of a keep-out fence
    visit: str | None


def step(state: FenceState, sight: Sight, outside_m: float, watch: Watch) -> list[Effect]:
    """Take in one fix, newer than all before, that lies `outside_m` outside the fence (negative: inside)."""
    accuracy_m = sight.position.accuracy_m
    if accuracy_m is None:
        accuracy_m = UNKNOWN_ACCURACY_M
    side = _side(outside_m, accuracy_m)
    if side is None:
        return []
    if side == state.inside:
        state.crossing = None
        return []
    if state.inside is None and side == (watch.kind == "fence_exit"):
        state.inside = side  # arrived: from now on leaving can be told
        return []
    if state.inside is None and watch.kind == "fence_exit":
        return []  # never arrived
    crossing = state.crossing
    if crossing is None:
        crossing = state.crossing = Crossing(sight.time_ms, sight.received_ms, sight.event)
    crossing.fixes += 1
    crossing.outside_m = outside_m
    crossing.accuracy_m = accuracy_m
    return _decide(state, crossing, sight, watch, sight.time_ms - crossing.since_ms)


def on_tick(state: FenceState, sight: Sight, now_ms: int, watch: Watch) -> list[Effect]:
    """Let time pass: enough clear fixes on the other side, and none since, count as dwelling there.

    `sight` is the newest fix of the nurse.
    """
    crossing = state.crossing
    if crossing is None:
        return []
    return _decide(state, crossing, sight, watch, now_ms - crossing.received_ms)


def wake_ms(state: FenceState) -> int | None:
    """Return when `on_tick` can next matter, by time of receipt; None if it can't."""
    crossing = state.crossing
    if crossing is None or crossing.fixes < MIN_FIXES:
        return None
    return crossing.received_ms + DWELL_MS


def _side(outside_m: float, accuracy_m: float) -> bool | None:
    """Return True for clearly inside, False for clearly outside, None for anything between."""
    if outside_m > BUFFER_M:
        return False if outside_m - min(accuracy_m, ACCURACY_CAP_M) > BUFFER_M else None
    return True if outside_m <= 0 and accuracy_m <= USABLE_ACCURACY_M else None


def _decide(state: FenceState, crossing: Crossing, sight: Sight, watch: Watch, dwell_ms: int) -> list[Effect]:
    if crossing.fixes < MIN_FIXES or dwell_ms < DWELL_MS:
        return []
    state.crossing = None
    leaves = watch.kind == "fence_exit"
    state.inside = not leaves if state.inside is None else not state.inside
    if state.inside == leaves:
        return _returned(state, sight)
    state.alert = derived_id(watch.kind, sight.nurse, watch.fence, crossing.event)
    raised = RaiseAlert(
        id=state.alert,
        kind=watch.kind,
        severity="warning",
        org=sight.org,
        nurse=sight.nurse,
        device=sight.device,
        visit=watch.visit,
        occurred_ms=crossing.since_ms,
        received_ms=sight.received_ms,
        source_event=crossing.event,
        position=sight.position,
        why={
            "rule": watch.kind,
            "fence": watch.fence,
            "beyond_edge_m": round(crossing.outside_m, 1),
            "accuracy_m": round(crossing.accuracy_m, 1),
            "buffer_m": BUFFER_M,
            "fixes": crossing.fixes,
            "dwell_s": dwell_ms / 1000,
        },
    )
    return [raised]


def _returned(state: FenceState, sight: Sight) -> list[Effect]:
    alert, state.alert = state.alert, None
    if alert is None:
        return []
    note_id = derived_id("returned", alert, sight.event)
    return [NoteAlert(id=note_id, alert=alert, at_ms=sight.received_ms, what="returned")]
