"""Replan: what a new plan makes of what is known of a nurse."""

from safety.domain.plan import NursePlan, VisitPlan
from safety.rules import check_in, moves, visit
from safety.rules.device import DeviceState
from safety.rules.limits import limits_of
from safety.rules.nurse_state import LEAD_MS, NurseState


def replan(state: NurseState, plan: NursePlan, now_ms: int) -> None:
    """Take over a new plan: keep what is known of visits and devices that stay."""
    old, state.plan = state.plan, plan
    state.replanned = True
    before = {planned.id: planned for planned in old.visits}
    for planned in plan.visits:
        if planned.id in before:
            _change(state, before[planned.id], old, planned, now_ms)
    state.visits = {
        planned.id: state.visits.get(planned.id) or visit.VisitState(known_ms=now_ms)
        for planned in plan.visits
    }
    state.check_ins = {
        planned.id: state.check_ins.get(planned.id) or check_in.start(planned, now_ms)
        for planned in plan.visits
    }
    moves.keep(state.moves, plan.visits)
    known = {
        device.id: state.devices.get(device.id) or DeviceState(known_ms=now_ms) for device in plan.devices
    }
    for device in plan.devices:
        known[device.id].kind, known[device.id].bound_ms = device.kind, device.bound_ms or 0
    state.devices = known


def _change(state: NurseState, before: VisitPlan, old: NursePlan, planned: VisitPlan, now_ms: int) -> None:
    """Take over what differs of a visit that was in the `old` plan as `before`."""
    known = state.visits[planned.id]
    if visit.is_anew(known, before, planned):
        state.visits[planned.id] = visit.anew(known, now_ms)
        state.check_ins[planned.id] = check_in.start(planned, now_ms)
        moves.end(state.moves, planned.id)
        return
    visit.replan(known, before, planned)
    moved = (before.lat, before.lon) != (planned.lat, planned.lon)
    early = known.arrived_ms is not None and known.arrived_ms < planned.starts_ms - LEAD_MS
    if (moved or early) and not _is_there(state, planned):
        visit.forget_arrival(known, now_ms)
        moves.end(state.moves, planned.id)
    timer = state.check_ins[planned.id]
    check_in.begin_at(timer, before, planned, now_ms)
    was_s = check_in.interval_s(before, limits_of(old, before))
    check_in.ask_every(timer, was_s, check_in.interval_s(planned, limits_of(state.plan, planned)), now_ms)


def _is_there(state: NurseState, planned: VisitPlan) -> bool:
    """Tell whether she was last seen at the address that the visit has now, for the time that it has now."""
    newest = state.newest
    return (
        newest is not None
        and newest.time_ms >= planned.starts_ms - LEAD_MS
        and visit.is_at(planned, newest.position)
    )
