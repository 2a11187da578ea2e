"""NurseState: one nurse's state on the telemetry lane, and the order in which her rules look at it."""

import msgspec

from devices import reports
from ingest.records import Arrival
from safety.domain.fence import Circle, Shape
from safety.domain.plan import NursePlan, VisitPlan
from safety.rules import check_in, geofence, silence, whereabouts
from safety.rules.effects import Effect
from safety.rules.geofence import FenceState, Sight, Watch
from safety.rules.shared_fences import SharedFences

LEAD_MS = 15 * 60_000
"""So long before its planned start a visit may already have her."""


class VisitState(msgspec.Struct):
    """How far one visit is."""

    check_in: check_in.CheckInState
    fence: FenceState = msgspec.field(default_factory=FenceState)


class NurseState(msgspec.Struct):
    """All that the rules remember of one nurse."""

    plan: NursePlan
    newest: Sight | None = None
    visits: dict[str, VisitState] = {}
    shared: dict[str, FenceState] = {}
    devices: dict[str, silence.DeviceState] = {}


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


def step(state: NurseState, arrival: Arrival, shared: SharedFences) -> list[Effect]:
    """Take in one report of hers."""
    effects: list[Effect] = [whereabouts.hear(arrival)]
    known = state.devices.get(arrival.device)
    if known is not None:
        effects += silence.step(known, arrival)
    _attribute_end(state, arrival)
    for visit in state.plan.visits:
        effects += check_in.step(state.visits[visit.id].check_in, arrival, visit)
    sight = whereabouts.sight_of(arrival)
    if sight is not None:
        effects += _move(state, sight, shared)
    return effects


def on_tick(state: NurseState, now_ms: int) -> list[Effect]:
    """Let time pass for her."""
    effects: list[Effect] = []
    plan = state.plan
    for visit in plan.visits:
        progress = state.visits[visit.id]
        effects += check_in.on_tick(progress.check_in, visit, plan.nurse, plan.org, now_ms)
        if state.newest is not None:
            watch = Watch(fence=visit.id, kind="fence_exit", visit=visit.id)
            effects += geofence.on_tick(progress.fence, state.newest, now_ms, watch)
    visit_on = current_visit(state, now_ms, lead_ms=0)
    if visit_on is not None:
        for device, known in state.devices.items():
            effects += silence.on_tick(known, device, visit_on, plan.nurse, plan.org, now_ms)
    return effects


def wake_ms(state: NurseState, now_ms: int) -> int | None:
    """Return when `on_tick` can next matter; None if nothing is awaited."""
    times: list[int] = []
    for visit in state.plan.visits:
        progress = state.visits[visit.id]
        _add(times, check_in.wake_ms(progress.check_in, visit))
        _add(times, geofence.wake_ms(progress.fence))
        if progress.check_in.ended or visit.ends_ms < now_ms:
            continue
        for known in state.devices.values():
            _add(times, silence.wake_ms(known, visit))
    return max(min(times), now_ms + 1) if times else None


def current_visit(state: NurseState, at_ms: int, lead_ms: int = LEAD_MS) -> VisitPlan | None:
    """Return the visit that is on at `at_ms`, or about to be; the earliest that has not ended."""
    for visit in state.plan.visits:
        ended = state.visits[visit.id].check_in.ended
        if not ended and visit.starts_ms - lead_ms <= at_ms <= visit.ends_ms:
            return visit
    return None


def _move(state: NurseState, sight: Sight, shared: SharedFences) -> list[Effect]:
    newest = state.newest is None or sight.time_ms > state.newest.time_ms
    if newest:
        state.newest = sight
    visit = current_visit(state, sight.time_ms)
    effects = [whereabouts.place(sight, visit.id if visit else None, newest=newest)]
    if visit is None:
        return effects
    watch = Watch(fence=visit.id, kind="fence_exit", visit=visit.id)
    effects += geofence.step(state.visits[visit.id].fence, sight, _circle(visit), watch)
    for fence, kind, shape in shared.of(state.plan.org):
        watch = Watch(fence=fence, kind=kind, visit=visit.id)
        effects += geofence.step(state.shared.setdefault(fence, FenceState()), sight, shape, watch)
    return effects


def _attribute_end(state: NurseState, arrival: Arrival) -> None:
    """An end that names no visit ends the one that is on, and no other."""
    report = arrival.report
    if isinstance(report, reports.VisitEnded) and report.visit is None:
        visit = current_visit(state, arrival.received_ms)
        if visit is not None:
            state.visits[visit.id].check_in.ended = True


def _circle(visit: VisitPlan) -> Shape:
    return Circle(visit.lat, visit.lon, visit.radius_m)


def _add(times: list[int], wake: int | None) -> None:
    if wake is not None:
        times.append(wake)
