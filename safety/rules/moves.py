"""Moves: which fences a nurse's fixes are held against, and what she has to do with each of them."""

from collections.abc import Iterator, Sequence

import msgspec

from safety.domain.fence import Circle
from safety.domain.plan import VisitPlan
from safety.rules import geofence
from safety.rules.effects import Effect
from safety.rules.geofence import FenceState, Watch
from safety.rules.shared_fences import SharedFence, SharedFences
from safety.rules.sight import Sight


class Moves(msgspec.Struct):
    """Where she is with regard to her fences.

    `visits` by visit; `stay_in` is the area of her organisation; `keep_out` has only the shared fences
    that she is in, or whose edge she may be crossing.
    """

    visits: dict[str, FenceState] = {}
    stay_in: FenceState | None = None
    keep_out: dict[str, FenceState] = {}


def keep(state: Moves, visits: Sequence[VisitPlan]) -> None:
    """Forget the visits that are no longer planned."""
    planned = {visit.id for visit in visits}
    state.visits = {id: known for id, known in state.visits.items() if id in planned}


def end(state: Moves, visit: str) -> None:
    """The visit is over: she may leave, and may have been leaving just now."""
    state.visits.pop(visit, None)


def step(
    state: Moves, sight: Sight, visit: VisitPlan, shared: SharedFences, within: Sequence[SharedFence]
) -> list[Effect]:
    """Take in a fix, newer than all before, taken during `visit`; `within` are the shared fences it is in."""
    position = sight.position
    outside_m = Circle(visit.lat, visit.lon, visit.radius_m).outside_by_m(position.lat, position.lon)
    known = state.visits.setdefault(visit.id, FenceState())
    effects = geofence.step(known, sight, outside_m, Watch(visit.id, "fence_exit", visit.id))
    if shared:
        effects = [*effects, *_stay_in(state, sight, visit.id, shared, within)]
        effects += _keep_out(state, sight, visit.id, shared, within)
    return effects


def on_tick(state: Moves, sight: Sight, now_ms: int, visit: str | None) -> list[Effect]:
    """Let time pass; `sight` is her newest fix, taken during `visit`."""
    effects: list[Effect] = []
    for fence, watch in _crossed(state, sight.org, visit):
        effects += geofence.on_tick(fence, sight, now_ms, watch)
    return effects


def wake_ms(state: Moves) -> int | None:
    """Return when `on_tick` can next matter; None if it can't."""
    wakes = [geofence.wake_ms(fence) for fence, _ in _crossed(state, "", None)]
    return min((wake for wake in wakes if wake is not None), default=None)


def is_crossing(state: Moves) -> bool:
    """Tell whether she may just be crossing an edge."""
    if state.keep_out or (state.stay_in is not None and state.stay_in.crossing is not None):
        return True
    return any(fence.crossing is not None for fence in state.visits.values())


def _stay_in(
    state: Moves, sight: Sight, visit: str, shared: SharedFences, within: Sequence[SharedFence]
) -> list[Effect]:
    if not shared.has_stay_in(sight.org):
        state.stay_in = None
        return []
    state.stay_in = state.stay_in or FenceState()
    inside = any(fence.kind == "fence_exit" for fence in within)
    outside_m = 0.0 if inside else shared.outside_stay_in_m(sight)
    return geofence.step(state.stay_in, sight, outside_m, Watch(f"{sight.org}/stay_in", "fence_exit", visit))


def _keep_out(
    state: Moves, sight: Sight, visit: str, shared: SharedFences, within: Sequence[SharedFence]
) -> list[Effect]:
    effects: list[Effect] = []
    entered = {fence.id: fence for fence in within if fence.kind == "fence_enter"}
    for id in sorted({*entered, *state.keep_out}):
        fence = entered.get(id) or shared.fence(id)
        known = state.keep_out.setdefault(id, FenceState(inside=False))
        if fence is not None:
            outside_m = fence.shape.outside_by_m(sight.position.lat, sight.position.lon)
            effects += geofence.step(known, sight, outside_m, Watch(id, "fence_enter", visit))
        if fence is None or (not known.inside and known.crossing is None):
            del state.keep_out[id]
    return effects


def _crossed(state: Moves, org: str, visit: str | None) -> Iterator[tuple[FenceState, Watch]]:
    """Yield the fences whose edge she may just have crossed."""
    for id, fence in state.visits.items():
        if fence.crossing is not None:
            yield fence, Watch(id, "fence_exit", id)
    if state.stay_in is not None and state.stay_in.crossing is not None:
        yield state.stay_in, Watch(f"{org}/stay_in", "fence_exit", visit)
    for id, fence in state.keep_out.items():
        if fence.crossing is not None:
            yield fence, Watch(id, "fence_enter", visit)
