"""Replan: what a new plan makes of what is known of a nurse."""

from safety.domain.plan import NursePlan
from safety.rules import check_in, moves, visit
from safety.rules.device import DeviceState
from safety.rules.nurse_state import NurseState


def replan(state: NurseState, plan: NursePlan, now_ms: int) -> None:
    """Take over a new plan: keep what is known of visits and devices that stay."""
    before = {planned.id: planned for planned in state.plan.visits}
    state.plan = plan
    state.replanned = True
    for planned in plan.visits:
        if planned.id in state.visits and planned.id in before:
            visit.replan(state.visits[planned.id], before[planned.id], planned)
            check_in.replan(state.check_ins[planned.id], before[planned.id], planned, now_ms)
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
        known[device.id].kind = device.kind
    state.devices = known
