"""Meant: which of her visits an event is about."""

from devices import reports
from ingest.records import Arrival
from safety.domain.plan import VisitPlan
from safety.rules.nurse_state import LEAD_MS, NurseState, current_visit
from safety.rules.times import plausible_ms

SAID_LEAD_MS = 60 * 60_000
"""So long before its planned start what she says may mean a visit that she does not name."""

SAID_TWICE_MS = 60_000
"""Two ends within this are one that was pressed twice."""

OVERRUN_MS = 12 * 3_600_000
"""So long after its planned end a visit may still be the one she means."""


def meant_by(state: NurseState, arrival: Arrival) -> VisitPlan | None:
    """Return the visit that an event is about: the one it names, the one that was on, or one running over."""
    report = arrival.report
    if any(known.end_event == arrival.event_id for known in state.visits.values()):
        return None  # it has been heard
    named = getattr(report, "visit", None)
    if named is not None:
        return next((planned for planned in state.plan.visits if planned.id == named), None)
    said_ms, _ = plausible_ms(report.time_ms, arrival.received_ms)
    if isinstance(report, reports.VisitEnded | reports.Left):
        return _left(state, arrival, said_ms)
    on = current_visit(state, said_ms) or current_visit(state, said_ms, SAID_LEAD_MS)
    if on is None and isinstance(report, reports.VisitStarted):
        return _left_before(state, said_ms)
    return on


def _left_before(state: NurseState, said_ms: int) -> VisitPlan | None:
    """Return the visit that she begins again: the last one that she left, if it would be on still."""
    left = {
        known.left_ms: planned
        for planned in state.plan.visits
        if planned.starts_ms - LEAD_MS <= said_ms <= planned.ends_ms
        and (known := state.visits[planned.id]).left_ms < said_ms
    }
    return left[max(left)] if left else None


def _left(state: NurseState, arrival: Arrival, said_ms: int) -> VisitPlan | None:
    """Return the visit that she left, not saying which. One that has not begun is left only if she was there.

    An end that is said twice must not end the next visit, too.
    """
    ends = [known for known in state.visits.values() if known.end_event is not None]
    again = any(
        abs(arrival.received_ms - known.end_ms) <= SAID_TWICE_MS
        and abs(said_ms - known.left_ms) <= SAID_TWICE_MS
        for known in ends
    )
    if again:
        return None
    begun = [
        planned
        for planned in state.plan.visits
        if said_ms <= planned.ends_ms + OVERRUN_MS
        and not (known := state.visits[planned.id]).ended
        and not (known.gone and said_ms > planned.ends_ms)
        and (known.arrived_ms is not None or planned.starts_ms <= said_ms)
    ]
    # Her being there may be for the next visit at the same address as well, which is not the one she leaves.
    return max(
        reversed(begun),
        key=lambda planned: (not state.visits[planned.id].gone, planned.starts_ms <= said_ms),
        default=None,
    )
