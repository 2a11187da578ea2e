"""Leave: which visits are over because she begins another one.

A start that was pressed by mistake must not leave her unwatched. So a visit that should still be on is over
only if a fix shows that she is elsewhere, and the one she begins is on now and lasts as long at least: that
one watches her from then on. Otherwise both do.
"""

from devices.reports import Position
from ingest.records import Arrival
from safety.domain.plan import VisitPlan
from safety.rules import check_in, moves, visit
from safety.rules.effects import Effect
from safety.rules.limits import limits_of
from safety.rules.nurse_state import LEAD_MS, NurseState
from safety.rules.times import plausible_ms


def others(state: NurseState, arrival: Arrival, begun: VisitPlan) -> list[Effect]:
    """Take in that she says she is at `begun`, unless a fix says that she is not."""
    limits = limits_of(state.plan, begun)
    seen = visit.seen_at(arrival, state.newest, limits)
    if state.visits[begun.id].ended or (seen is not None and visit.is_elsewhere(seen, begun, limits)):
        return []
    said_ms, _ = plausible_ms(arrival.report.time_ms, arrival.received_ms)
    if state.newest is not None and state.newest.time_ms > said_ms:
        seen = state.newest.position
    effects: list[Effect] = []
    for planned in state.plan.visits:
        known = state.visits[planned.id]
        if planned is begun or known.ended:
            continue
        has_come = known.arrived_ms is not None and max(known.arrived_ms, known.again_ms) <= said_ms
        elapsed = planned.ends_ms < min(said_ms, begun.ends_ms)
        if has_come and (elapsed or (seen is not None and _passes_to(begun, planned, arrival, seen))):
            known.ended = True
            effects += check_in.hear(state.check_ins[planned.id], arrival)
            moves.end(state.moves, planned.id)
        if elapsed or known.ended:
            effects += visit.go(known, arrival)
    return effects


def _passes_to(begun: VisitPlan, planned: VisitPlan, arrival: Arrival, seen: Position) -> bool:
    """Tell whether `begun` watches her from now on instead of `planned`, from whose address she is away."""
    is_on = begun.starts_ms - LEAD_MS <= arrival.received_ms <= begun.ends_ms
    return is_on and planned.ends_ms <= begun.ends_ms and visit.is_away(planned, seen)
