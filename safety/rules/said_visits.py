"""Said visits: which visits she has begun and ended by her own word, and so at which one an alarm finds her.

The alarm lane sees no fixes, so here a visit is over by her word only. What she said goes before what was
planned: people come late, stay longer, and take their visits in another order.
"""

import msgspec

from devices import reports
from ingest.records import Arrival
from safety.domain.plan import NursePlan, VisitPlan
from safety.rules.limits import limits_of, ms
from safety.rules.meant import OVERRUN_MS, SAID_LEAD_MS, SAID_TWICE_MS
from safety.rules.nurse_state import LEAD_MS
from safety.rules.times import plausible_ms

BEGINS = (reports.Arrived, reports.VisitStarted)
ENDS = (reports.Left, reports.VisitEnded)


class SaidVisits(msgspec.Struct):
    """By visit: when she last said that it begins, and that it is over (epoch ms, by her device's clock)."""

    begun: dict[str, int] = {}
    over: dict[str, int] = {}


def step(said: SaidVisits, arrival: Arrival, report: reports.EventBase, plan: NursePlan) -> None:
    """Take in an event: what begins or ends the visit that she names, or the one that it can only mean."""
    if not isinstance(report, BEGINS + ENDS):
        return
    told, guess = (said.begun, _begins) if isinstance(report, BEGINS) else (said.over, _ends)
    at_ms, _ = plausible_ms(report.time_ms, arrival.received_ms)
    visit = named(report, plan) if report.visit is not None else guess(said, plan, at_ms)
    if visit is None:
        return
    told[visit.id] = max(at_ms, told.get(visit.id, at_ms))
    planned = {one.id for one in plan.visits}
    said.begun = {id: told_ms for id, told_ms in said.begun.items() if id in planned}
    said.over = {id: told_ms for id, told_ms in said.over.items() if id in planned}


def named(report: reports.EventBase, plan: NursePlan) -> VisitPlan | None:
    """Return the visit that an event names, if it is one of hers."""
    return next((one for one in plan.visits if one.id == report.visit), None)


def visit_at(said: SaidVisits, plan: NursePlan, at_ms: int) -> VisitPlan | None:
    """Return the visit that she is at: the one she began last, or else one that is planned.

    One that runs over gives way to the planned time of another only when its grace has passed.
    """
    begun = [one for one in plan.visits if _has_begun(said, one, at_ms)]
    last = max(begun, key=lambda one: said.begun[one.id], default=None)
    since_ms = said.begun[last.id] if last is not None else 0
    if last is not None and (_is_over(said, last, at_ms) or at_ms > last.ends_ms + OVERRUN_MS):
        last = None
    if last is not None and at_ms <= _grace_ends_ms(plan, last):
        return last
    on = _planned(said, plan, at_ms, 0) or last or _planned(said, plan, at_ms, LEAD_MS)
    if on is not None:
        return on
    # Nothing says that she went: nobody has asked yet whether she is out of there.
    overrun = [
        one
        for one in plan.visits
        if since_ms <= one.starts_ms
        and one.ends_ms < at_ms <= _grace_ends_ms(plan, one)
        and not _is_over(said, one, at_ms)
    ]
    return overrun[-1] if overrun else None


def _begins(said: SaidVisits, plan: NursePlan, at_ms: int) -> VisitPlan | None:
    return _planned(said, plan, at_ms, LEAD_MS) or _planned(said, plan, at_ms, SAID_LEAD_MS)


def _ends(said: SaidVisits, plan: NursePlan, at_ms: int) -> VisitPlan | None:
    """Return what an end at `at_ms` is of. One that was pressed twice does not end the next visit, too."""
    on = visit_at(said, plan, at_ms)
    if on is None or _has_begun(said, on, at_ms):
        return on
    again = any(abs(at_ms - over_ms) <= SAID_TWICE_MS for over_ms in said.over.values())
    return None if again or at_ms < on.starts_ms else on


def _planned(said: SaidVisits, plan: NursePlan, at_ms: int, lead_ms: int) -> VisitPlan | None:
    """Return the first visit, of those that are not over, that is planned for `at_ms` or soon after."""
    for one in plan.visits:
        if one.starts_ms - lead_ms <= at_ms <= one.ends_ms and not _is_over(said, one, at_ms):
            return one
    return None


def _has_begun(said: SaidVisits, visit: VisitPlan, at_ms: int) -> bool:
    begun_ms = said.begun.get(visit.id)
    return begun_ms is not None and begun_ms <= at_ms


def _is_over(said: SaidVisits, visit: VisitPlan, at_ms: int) -> bool:
    """Tell whether she had ended the visit by then, and not begun it anew."""
    over_ms, begun_ms = said.over.get(visit.id), said.begun.get(visit.id)
    if over_ms is None or over_ms > at_ms:
        return False
    return begun_ms is None or not over_ms < begun_ms <= at_ms


def _grace_ends_ms(plan: NursePlan, visit: VisitPlan) -> int:
    return visit.ends_ms + ms(limits_of(plan, visit).overrun_grace_s)
