"""Moves: which fences a nurse's fixes are held against, and what she has to do with each of them."""

from collections.abc import Iterator, Sequence

import msgspec

from safety.domain.fence_limits import STANDARD, FenceLimits
from safety.domain.local_metres import apart_m
from safety.domain.plan import VisitPlan
from safety.rules import geofence, jumps
from safety.rules.effects import Effect
from safety.rules.geofence import FenceState, Watch, accuracy_of, side_of
from safety.rules.jumps import Jump
from safety.rules.shared_fences import SharedFence, SharedFences
from safety.rules.sight import Sight

Within = Sequence[SharedFence]

REMEMBERED = 8
"""How many disbelieved fixes are remembered."""


class Moves(msgspec.Struct, gc=False, array_like=True):
    """Where she is with regard to her fences.

    `visits` by visit; `stay_in` is the area of her organisation; `keep_out` has only the fences that she is
    in, or whose edge she may be crossing; `jump` is a fix that is not believed yet, `refused_ms` are the
    times of those that never were: sent again, they are believed no more.
    """

    visits: dict[str, FenceState] = {}
    stay_in: FenceState | None = None
    keep_out: dict[str, FenceState] = {}
    jump: Jump | None = None
    refused_ms: tuple[int, ...] = ()


def keep(state: Moves, visits: Sequence[VisitPlan]) -> None:
    """Forget the visits that are no longer planned."""
    planned = {visit.id for visit in visits}
    state.visits = {id: known for id, known in state.visits.items() if id in planned}


def end(state: Moves, visit: str) -> None:
    """The visit is over: she may leave, and may have been leaving just now."""
    state.visits.pop(visit, None)


def step(
    state: Moves,
    sight: Sight,
    visit: VisitPlan,
    shared: SharedFences,
    within: Within,
    before: Sight | None = None,
) -> list[Effect]:
    """Take in a fix, newer than all before, taken during `visit`; `within` are the shared fences it is in.

    `before` is the newest fix before it.
    """
    if state.jump is None and (before is None or jumps.can_be(before, sight)):
        return _follow(state, sight, visit, shared, within, 0 if before is None else before.time_ms)
    doubted = state.jump
    state.jump, believed = jumps.sift(doubted, before, sight)
    if doubted is not None and doubted.held not in believed:
        state.refused_ms = (*state.refused_ms, doubted.held.time_ms)[-REMEMBERED:]
    effects: list[Effect] = []
    before_ms = 0 if before is None else before.time_ms
    for one in believed:
        held = one is not sight
        inside = _within(shared, one) if held else within
        effects += _follow(state, one, visit, shared, inside, min(before_ms, one.time_ms - 1))
    return effects


def look_back(state: Moves, sight: Sight, visit: VisitPlan, shared: SharedFences) -> None:
    """Take in a fix that came late: it may tell when a crossing that goes on now began."""
    if sight.time_ms in state.refused_ms:
        return
    own = shared.own(visit) if visit.fences else ()
    known = state.visits.get(visit.id)
    if known is not None and known.crossing is not None:
        outside_m, depth_m, limits = _outside_visit(sight, visit, own)
        geofence.look_back(known, sight, side_of(outside_m, accuracy_of(sight), depth_m, limits), outside_m)
    area = state.stay_in
    if area is not None and area.crossing is not None and shared.has_stay_in(sight.org, sight.time_ms):
        _look_back(area, sight, *shared.nearest_stay_in(sight))
    for id, one in state.keep_out.items():
        fence = shared.fence(id) or next((each for each in own if each.id == id), None)
        if one.crossing is not None and fence is not None and fence.open_at(sight.time_ms):
            _look_back(one, sight, fence.shape.outside_by_m(sight.position.lat, sight.position.lon), fence)


def _look_back(known: FenceState, sight: Sight, outside_m: float, fence: SharedFence) -> None:
    side = side_of(outside_m, accuracy_of(sight), fence.shape.depth_m, fence.limits)
    geofence.look_back(known, sight, side, outside_m)


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
    for fence in state.visits.values():
        if fence.crossing is not None:
            return True
    if state.stay_in is not None and state.stay_in.crossing is not None:
        return True
    return any(fence.crossing is not None for fence in state.keep_out.values())


def _follow(
    state: Moves, sight: Sight, visit: VisitPlan, shared: SharedFences, within: Within, before_ms: int
) -> list[Effect]:
    """Hold a fix, newer than all before (the newest of them at `before_ms`), against her fences."""
    own = shared.own(visit) if visit.fences else ()
    known = state.visits.get(visit.id)
    if known is None:
        known = state.visits[visit.id] = FenceState()
    outside_m, depth_m, limits = _outside_visit(sight, visit, own)
    side = side_of(outside_m, accuracy_of(sight), depth_m, limits)
    effects: list[Effect] = []
    if side == known.inside and known.crossing is None:
        known.here_ms = sight.time_ms
    else:
        watch = Watch(visit.id, "fence_exit", visit.id, limits)
        effects = geofence.step(known, sight, side, outside_m, watch)
    if own or shared or state.keep_out:
        effects = [*effects, *_stay_in(state, sight, visit.id, shared, within)]
        effects += _keep_out(state, sight, visit.id, shared, within, own, before_ms)
    return effects


def _outside_visit(
    sight: Sight, visit: VisitPlan, own: Sequence[SharedFence]
) -> tuple[float, float, FenceLimits]:
    """Return how far outside the place of the visit a fix is, that place's depth, and its limits.

    The place is the circle and the visit's own stay-in fences together; what is nearest counts.
    """
    position = sight.position
    outside_m = apart_m(visit.lat, visit.lon, position.lat, position.lon) - visit.radius_m
    found = outside_m, visit.radius_m, STANDARD
    if outside_m <= 0.0:
        return found
    for fence in own:
        if fence.kind == "fence_exit" and fence.open_at(sight.time_ms):
            away_m = fence.shape.outside_by_m(position.lat, position.lon)
            if away_m < found[0]:
                found = away_m, fence.shape.depth_m, fence.limits
    return found


def _entered(own: Sequence[SharedFence], sight: Sight) -> Iterator[SharedFence]:
    """Yield the visit's own keep-out fences that a fix is in."""
    position = sight.position
    for fence in own:
        if fence.kind == "fence_enter" and fence.shape.holds(position.lat, position.lon):
            yield fence


def _within(shared: SharedFences, sight: Sight) -> Within:
    return shared.holding([sight.position], [sight.org])[0] if shared else ()


def _stay_in(state: Moves, sight: Sight, visit: str, shared: SharedFences, within: Within) -> list[Effect]:
    if not shared.has_stay_in(sight.org, sight.time_ms):
        state.stay_in = None
        return []
    known = state.stay_in
    if known is None:
        known = state.stay_in = FenceState()
    holds = next((f for f in within if f.kind == "fence_exit" and f.open_at(sight.time_ms)), None)
    if known.crossing is None and (holds is not None) == bool(known.inside):
        return []  # whatever the distance, nothing changes
    if holds is not None and accuracy_of(sight) <= holds.limits.buffer_m:
        outside_m, fence = 0.0, holds  # clearly inside, however deep
    else:
        outside_m, fence = shared.nearest_stay_in(sight)
    side = side_of(outside_m, accuracy_of(sight), fence.shape.depth_m, fence.limits)
    watch = Watch(f"{sight.org}/stay_in", "fence_exit", visit, fence.limits, fence.until_ms(sight.time_ms))
    return geofence.step(known, sight, side, outside_m, watch)


def _keep_out(
    state: Moves,
    sight: Sight,
    visit: str,
    shared: SharedFences,
    within: Within,
    own: Within,
    before_ms: int,
) -> list[Effect]:
    in_now = (*within, *_entered(own, sight)) if own else within
    entered = {f.id: f for f in in_now if f.kind == "fence_enter" and f.open_at(sight.time_ms)}
    if not entered and not state.keep_out:
        return []
    effects: list[Effect] = []
    known_own = {fence.id: fence for fence in own}
    for id in sorted({*entered, *state.keep_out}):
        fence = entered.get(id) or known_own.get(id) or shared.fence(id)
        if fence is None or not fence.open_at(sight.time_ms):
            state.keep_out.pop(id, None)
            continue
        known = state.keep_out.get(id)
        if known is None:
            # What came before the newest fix before this one says nothing about this crossing.
            known = state.keep_out[id] = FenceState(inside=False, here_ms=before_ms)
        if id in entered and known.inside and known.crossing is None:
            continue
        outside_m = fence.shape.outside_by_m(sight.position.lat, sight.position.lon)
        side = side_of(outside_m, accuracy_of(sight), fence.shape.depth_m, fence.limits)
        watch = Watch(id, "fence_enter", visit, fence.limits, fence.until_ms(sight.time_ms))
        effects += geofence.step(known, sight, side, outside_m, watch)
        if not known.inside and known.crossing is None:
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
