"""Phases: what a nurse is about. On a visit, on duty before one, or off: then nobody watches her."""

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from safety.domain.limits import Limits
from safety.domain.plan import NursePlan, VisitPlan
from safety.rules.limits import limits_of, ms


class Phase(NamedTuple):
    """A span of her day (epoch ms): a visit as planned, or the time on duty right before it."""

    name: Literal["visit", "duty"]
    visit: VisitPlan
    since_ms: int
    until_ms: int
    limits: Limits

    @property
    def visit_id(self) -> str | None:
        """The visit that an alert of this phase belongs to."""
        return self.visit.id if self.name == "visit" else None


def phases(plan: NursePlan, ended: Collection[str], now_ms: int) -> Iterator[Phase]:
    """Yield the phases that are not over at `now_ms`, of the visits that have not `ended`."""
    for visit in plan.visits:
        if visit.ends_ms < now_ms or visit.id in ended:
            continue
        limits = limits_of(plan, visit)
        if now_ms < visit.starts_ms:
            since_ms = visit.starts_ms - ms(limits.duty_lead_s)
            yield Phase("duty", visit, since_ms, visit.starts_ms - 1, limits)
        yield Phase("visit", visit, visit.starts_ms, visit.ends_ms, limits)


def phase_at(coming: Collection[Phase], now_ms: int) -> Phase | None:
    """Return which of the phases it is at `now_ms`; a visit comes before duty for another one."""
    on = [phase for phase in coming if phase.since_ms <= now_ms <= phase.until_ms]
    return min(on, key=lambda phase: (phase.name != "visit", phase.since_ms), default=None)
