"""NurseState: one nurse's state on the telemetry lane, and the order in which her rules look at it."""

from collections.abc import Sequence

import msgspec

from devices import reports
from ingest.records import Arrival
from safety.domain.fence import Circle
from safety.domain.plan import NursePlan, VisitPlan
from safety.rules import check_in, geofence, silence, whereabouts
from safety.rules.effects import Effect
from safety.rules.geofence import FenceState, Watch
from safety.rules.shared_fences import SharedFence, SharedFences
from safety.rules.sight import Sight, sight_of

LEAD_MS = 15 * 60_000
"""So long before its planned start a visit may already have her."""


class VisitState(msgspec.Struct):
    """How far one visit is."""

    check_in: check_in.CheckInState
    fence: FenceState = msgspec.field(default_factory=FenceState)


class NurseState(msgspec.Struct):
    """All that the rules remember of one nurse; `stay_in` is the area of her organisation."""

    plan: NursePlan
    newest: Sight | None = None
    visits: dict[str, VisitState] = {}
    stay_in: FenceState | None = None
    shared: dict[str, FenceState] = {}
    devices: dict[str, silence.DeviceState] = {}

    @property
    def crossing(self) -> bool:
        """Whether she may just be crossing the edge of a fence."""
        if any(progress.fence.crossing for progress in self.visits.values()):
            return True
        return bool(self.shared) or (self.stay_in is not None and self.stay_in.crossing is not None)


def replan(state: NurseState, plan: NursePlan, now_ms: int) -> None:
    """Take over a new plan: keep what is known of visits and devices that stay."""
    state.plan = plan
    state.visits = {
        visit.id: state.visits.get(visit.id) or VisitState(check_in.start(visit, now_ms))
        for visit in plan.visits
    }
    for device in plan.devices:
        state.devices.setdefault(device.id, silence.DeviceState()).kind = device.kind
    carried = {device.id for device in plan.devices}
    state.devices = {key: known for key, known in state.devices.items() if key in carried}


def step(
    state: NurseState, arrival: Arrival, shared: SharedFences, within: Sequence[SharedFence]
) -> list[Effect]:
    """Take in one report of hers; `within` are the shared fences that her position is in."""
    effects: list[Effect] = [whereabouts.hear(arrival)]
    known = state.devices.get(arrival.device)
    if known is not None:
        effects += silence.step(known, arrival)
    if isinstance(arrival.report, reports.EventBase):
        effects += _happen(state, arrival)
    sight = sight_of(arrival, state.plan.nurse)
    if sight is not None:
        effects += _move(state, sight, shared, within)
    return effects


def on_tick(state: NurseState, now_ms: int, resumed_ms: int) -> list[Effect]:
    """Let time pass for her. `resumed_ms`: since when the service hears again, after a time it did not."""
    effects: list[Effect] = []
    plan = state.plan
    for visit in plan.visits:
        progress = state.visits[visit.id]
        effects += check_in.on_tick(progress.check_in, visit, plan.nurse, plan.org, now_ms, resumed_ms)
    if state.newest is not None:
        for fence, watch in _crossed(state):
            effects += geofence.on_tick(fence, state.newest, now_ms, watch)
    visit_on = current_visit(state, now_ms, lead_ms=0)
    if visit_on is not None:
        for device, known in state.devices.items():
            effects += silence.on_tick(known, device, visit_on, plan.nurse, plan.org, now_ms, resumed_ms)
    return effects


def wake_ms(state: NurseState, now_ms: int, resumed_ms: int) -> int | None:
    """Return when `on_tick` can next matter; None if nothing is awaited."""
    times = [geofence.wake_ms(fence) for fence, _ in _crossed(state)]
    for visit in state.plan.visits:
        progress = state.visits[visit.id].check_in
        times.append(check_in.wake_ms(progress, visit, resumed_ms))
        if not progress.ended and visit.ends_ms >= now_ms:
            times += [silence.wake_ms(known, visit, resumed_ms) for known in state.devices.values()]
    awaited = [time for time in times if time is not None]
    return max(min(awaited), now_ms + 1) if awaited else None


def current_visit(state: NurseState, at_ms: int, lead_ms: int = LEAD_MS) -> VisitPlan | None:
    """Return the visit that is on at `at_ms`, or about to be; the earliest that has not ended."""
    for visit in state.plan.visits:
        if visit.starts_ms - lead_ms <= at_ms <= visit.ends_ms and not state.visits[visit.id].check_in.ended:
            return visit
    return None


def _happen(state: NurseState, arrival: Arrival) -> list[Effect]:
    """Take in what she did. An end that names no visit ends the one that is on, and no other."""
    report = arrival.report
    if isinstance(report, reports.VisitEnded) and report.visit is None:
        visit_on = current_visit(state, arrival.received_ms)
        if visit_on is not None:
            state.visits[visit_on.id].check_in.ended = True
    effects: list[Effect] = []
    for visit in state.plan.visits:
        effects += check_in.step(state.visits[visit.id].check_in, arrival, visit)
    return effects


def _move(
    state: NurseState, sight: Sight, shared: SharedFences, within: Sequence[SharedFence]
) -> list[Effect]:
    """Take in where she is; fixes that are older than the newest one only complete the track."""
    newest = state.newest is None or sight.time_ms > state.newest.time_ms
    visit = current_visit(state, sight.time_ms)
    effects: list[Effect] = [whereabouts.place(sight, visit.id if visit else None, newest=newest)]
    if not newest:
        return effects
    state.newest = sight
    if visit is None:
        return effects
    position = sight.position
    outside_m = Circle(visit.lat, visit.lon, visit.radius_m).outside_by_m(position.lat, position.lon)
    watch = Watch(visit.id, "fence_exit", visit.id)
    effects += geofence.step(state.visits[visit.id].fence, sight, outside_m, watch)
    if shared:
        effects += _move_among(state, sight, shared, within, visit.id)
    return effects


def _move_among(
    state: NurseState, sight: Sight, shared: SharedFences, within: Sequence[SharedFence], visit: str
) -> list[Effect]:
    """Look at the shared fences that she is in, and at those that she was in or is about to leave."""
    effects: list[Effect] = []
    position = sight.position
    if shared.has_stay_in(sight.org):
        state.stay_in = state.stay_in or FenceState()
        inside = any(fence.kind == "fence_exit" for fence in within)
        outside_m = 0.0 if inside else shared.outside_stay_in_m(sight)
        watch = Watch(f"{sight.org}/stay_in", "fence_exit", visit)
        effects += geofence.step(state.stay_in, sight, outside_m, watch)
    entered = {fence.id: fence for fence in within if fence.kind == "fence_enter"}
    for id in sorted({*entered, *state.shared}):
        fence = entered.get(id) or shared.fence(id)
        known = state.shared.setdefault(id, FenceState(inside=False))
        if fence is not None:
            outside_m = fence.shape.outside_by_m(position.lat, position.lon)
            effects += geofence.step(known, sight, outside_m, Watch(id, "fence_enter", visit))
        if fence is None or (not known.inside and known.crossing is None):
            del state.shared[id]
    return effects


def _crossed(state: NurseState) -> list[tuple[FenceState, Watch]]:
    """Return the fences whose edge she may just have crossed."""
    crossed = [
        (progress.fence, Watch(id, "fence_exit", id))
        for id, progress in state.visits.items()
        if progress.fence.crossing is not None
    ]
    visit = None if state.newest is None else current_visit(state, state.newest.time_ms)
    visit_id = visit.id if visit else None
    if state.stay_in is not None and state.stay_in.crossing is not None:
        crossed.append((state.stay_in, Watch(f"{state.plan.org}/stay_in", "fence_exit", visit_id)))
    for id, fence in state.shared.items():
        if fence.crossing is not None:
            crossed.append((fence, Watch(id, "fence_enter", visit_id)))
    return crossed
