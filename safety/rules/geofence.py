"""Geofence: she left the place of her visit, or went where she should not be.

Exit needs a fix clearly outside (distance − accuracy beyond the edge and a buffer), again on the next
ones, for a while: a lone jump of the GPS is no exit. Coming back needs a fix clearly inside. Whoever was
never inside has not left. Sources of the numbers: docs/rules.md.
"""

import msgspec

from devices.identity import derived_id
from devices.reports import Position
from safety.domain.fence import Shape
from safety.rules.effects import AlertKind, Effect, NoteAlert, RaiseAlert

BUFFER_M = 25.0
"""Beyond the edge by this much more than the accuracy, a fix is outside."""

ACCURACY_CAP_M = 100.0
"""A reported accuracy counts up to this much: without a cap a poor GPS would hide a true exit."""

UNKNOWN_ACCURACY_M = 50.0
"""What a fix without accuracy is taken for."""

USABLE_ACCURACY_M = 200.0
"""A fix worse than this says nothing about being inside."""

DWELL_MS = 20_000
MIN_FIXES = 2


class FenceState(msgspec.Struct):
    """Where she is with regard to one fence.

    `inside` None: not known yet. `leaving_*` describe the fixes on the other side since it last was clear.
    """

    inside: bool | None = None
    last_ms: int = 0
    crossing_ms: int | None = None  # time of the first clear fix on the other side
    crossing_received_ms: int = 0
    crossing_event: str = ""
    crossing_fixes: int = 0
    crossing_m: float = 0.0
    crossing_accuracy_m: float = 0.0
    alert: str | None = None


class Sight(msgspec.Struct, frozen=True):
    """One fix as the rule sees it: already placed in believable time."""

    position: Position
    time_ms: int
    received_ms: int
    event: str
    nurse: str
    org: str
    device: str


class Watch(msgspec.Struct, frozen=True):
    """What is watched: a fence, in which way, for which visit."""

    fence: str
    kind: AlertKind  # fence_exit of a stay-in fence, fence_enter of a keep-out fence
    visit: str | None


def step(state: FenceState, sight: Sight, shape: Shape, watch: Watch) -> list[Effect]:
    """Take in one fix. Fixes that are older than the newest one seen change nothing."""
    if sight.time_ms <= state.last_ms:
        return []
    state.last_ms = sight.time_ms
    accuracy_m = _accuracy_m(sight.position)
    outside_m = shape.outside_by_m(sight.position.lat, sight.position.lon)
    side = _side(outside_m, accuracy_m)
    if side is None:
        return []
    if side == state.inside:
        state.crossing_ms = None
        return []
    if state.inside is None and _is_safe_side(side, watch):
        state.inside = side  # arrived: from now on leaving can be told
        return []
    if state.inside is None and watch.kind == "fence_exit":
        return []  # never arrived
    if state.crossing_ms is None:
        state.crossing_ms = sight.time_ms
        state.crossing_received_ms = sight.received_ms
        state.crossing_event = sight.event
        state.crossing_fixes = 0
    state.crossing_fixes += 1
    state.crossing_m = outside_m
    state.crossing_accuracy_m = accuracy_m
    return _decide(state, sight, watch, sight.time_ms - state.crossing_ms)


def on_tick(state: FenceState, sight: Sight, now_ms: int, watch: Watch) -> list[Effect]:
    """Let time pass: enough clear fixes on the other side, and none since, count as dwelling there.

    `sight` is the newest fix of the nurse.
    """
    if state.crossing_ms is None:
        return []
    return _decide(state, sight, watch, now_ms - state.crossing_received_ms)


def wake_ms(state: FenceState) -> int | None:
    """Return when `on_tick` can next matter, by time of receipt; None if it can't."""
    if state.crossing_ms is None or state.crossing_fixes < MIN_FIXES:
        return None
    return state.crossing_received_ms + DWELL_MS


def _side(outside_m: float, accuracy_m: float) -> bool | None:
    """Return True for clearly inside, False for clearly outside, None for anything between."""
    if outside_m - min(accuracy_m, ACCURACY_CAP_M) > BUFFER_M:
        return False
    if outside_m <= 0 and accuracy_m <= USABLE_ACCURACY_M:
        return True
    return None


def _accuracy_m(position: Position) -> float:
    return UNKNOWN_ACCURACY_M if position.accuracy_m is None else position.accuracy_m


def _is_safe_side(inside: bool, watch: Watch) -> bool:
    return inside == (watch.kind == "fence_exit")


def _decide(state: FenceState, sight: Sight, watch: Watch, dwell_ms: int) -> list[Effect]:
    if state.crossing_fixes < MIN_FIXES or dwell_ms < DWELL_MS:
        return []
    crossed_ms, state.crossing_ms = state.crossing_ms, None
    state.inside = not state.inside if state.inside is not None else watch.kind == "fence_enter"
    if _is_safe_side(state.inside, watch):
        return _returned(state, sight)
    assert crossed_ms is not None  # noqa: S101  # both callers looked
    state.alert = derived_id(watch.kind, sight.nurse, watch.fence, state.crossing_event)
    raised = RaiseAlert(
        id=state.alert,
        kind=watch.kind,
        severity="warning",
        org=sight.org,
        nurse=sight.nurse,
        device=sight.device,
        visit=watch.visit,
        occurred_ms=crossed_ms,
        received_ms=sight.received_ms,
        source_event=state.crossing_event,
        position=sight.position,
        why={
            "rule": watch.kind,
            "fence": watch.fence,
            "beyond_edge_m": round(state.crossing_m, 1),
            "accuracy_m": round(state.crossing_accuracy_m, 1),
            "buffer_m": BUFFER_M,
            "fixes": state.crossing_fixes,
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
