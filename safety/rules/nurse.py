"""NurseState: one nurse's state on the telemetry lane, and the order in which her rules look at it."""

from collections.abc import Sequence

import msgspec

from devices import reports
from ingest.records import Arrival
from safety.domain.plan import NursePlan, VisitPlan
from safety.rules import check_in, moves, silence, whereabouts
from safety.rules.effects import Effect
from safety.rules.moves import Moves
from safety.rules.shared_fences import SharedFence, SharedFences
from safety.rules.sight import Sight, sight_of

LEAD_MS = 15 * 60_000
"""So long before its planned start a visit may already have her."""


class NurseState(msgspec.Struct):
    """All that the rules remember of one nurse; `check_ins` has one for each of her visits."""

    plan: NursePlan
    newest: Sight | None = None
    moves: Moves = msgspec.field(default_factory=Moves)
    check_ins: dict[str, check_in.CheckInState] = {}
    devices: dict[str, silence.DeviceState] = {}


def replan(state: NurseState, plan: NursePlan, now_ms: int) -> None:
    """Take over a new plan: keep what is known of visits and devices that stay."""
    state.plan = plan
    state.check_ins = {
        visit.id: state.check_ins.get(visit.id) or check_in.start(visit, now_ms) for visit in plan.visits
    }
    moves.keep(state.moves, plan.visits)
    for device in plan.devices:
        state.devices.setdefault(device.id, silence.DeviceState()).kind = device.kind
    carried = {device.id for device in plan.devices}
    state.devices = {id: known for id, known in state.devices.items() if id in carried}


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
        timer = state.check_ins[visit.id]
        effects += check_in.on_tick(timer, visit, plan.nurse, plan.org, now_ms, resumed_ms)
    if state.newest is not None:
        seen_on = current_visit(state, state.newest.time_ms)
        effects += moves.on_tick(state.moves, state.newest, now_ms, seen_on.id if seen_on else None)
    visit_on = current_visit(state, now_ms, lead_ms=0)
    if visit_on is not None:
        for device, known in state.devices.items():
            effects += silence.on_tick(known, device, visit_on, plan.nurse, plan.org, now_ms, resumed_ms)
    return effects


def wake_ms(state: NurseState, now_ms: int, resumed_ms: int) -> int | None:
    """Return when `on_tick` can next matter; None if nothing is awaited."""
    times = [moves.wake_ms(state.moves)]
    for visit in state.plan.visits:
        timer = state.check_ins[visit.id]
        times.append(check_in.wake_ms(timer, visit, resumed_ms))
        if not timer.ended and visit.ends_ms >= now_ms:
            times += [silence.wake_ms(known, visit, resumed_ms) for known in state.devices.values()]
    awaited = [time for time in times if time is not None]
    return max(min(awaited), now_ms + 1) if awaited else None


def current_visit(state: NurseState, at_ms: int, lead_ms: int = LEAD_MS) -> VisitPlan | None:
    """Return the visit that is on at `at_ms`, or about to be; the earliest that has not ended."""
    for visit in state.plan.visits:
        if visit.starts_ms - lead_ms <= at_ms <= visit.ends_ms and not state.check_ins[visit.id].ended:
            return visit
    return None


def _happen(state: NurseState, arrival: Arrival) -> list[Effect]:
    """Take in what she did."""
    effects: list[Effect] = []
    for visit in _meant(state, arrival):
        timer = state.check_ins[visit.id]
        effects += check_in.step(timer, arrival, visit)
        if timer.ended:
            moves.end(state.moves, visit.id)
    return effects


def _meant(state: NurseState, arrival: Arrival) -> Sequence[VisitPlan]:
    """Return the visits that an event may be about: an end that names none is that of the last one begun."""
    report = arrival.report
    if not isinstance(report, reports.VisitEnded) or report.visit is not None:
        return state.plan.visits
    at_ms = arrival.received_ms
    begun = [
        visit
        for visit in state.plan.visits
        if visit.starts_ms <= at_ms and not state.check_ins[visit.id].ended
    ]
    early = current_visit(state, at_ms)
    return begun[-1:] or ([] if early is None else [early])


def _move(
    state: NurseState, sight: Sight, shared: SharedFences, within: Sequence[SharedFence]
) -> list[Effect]:
    """Take in where she is; fixes that are older than the newest one only complete the track."""
    newest = state.newest is None or sight.time_ms > state.newest.time_ms
    visit = current_visit(state, sight.time_ms)
    placed = whereabouts.place(sight, visit.id if visit else None, newest=newest)
    if visit is None:
        if newest:
            state.newest = sight
        return [placed]
    if not newest:
        moves.look_back(state.moves, sight, visit, shared)
        return [placed]
    before, state.newest = state.newest, sight
    return [placed, *moves.step(state.moves, sight, visit, shared, within, before)]
