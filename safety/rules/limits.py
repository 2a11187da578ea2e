"""The limits that hold for a nurse: her organisation's, those of a visit, and what its risk makes of them."""

from safety.domain.limits import Limits, resolve
from safety.domain.plan import NursePlan, VisitPlan


def limits_of(plan: NursePlan | None, visit: VisitPlan | None) -> Limits:
    """Return what the rules go by during `visit` (None: during none)."""
    ours = plan.limits if plan is not None else {}
    return resolve(ours) if visit is None else resolve(ours, visit.limits, visit.risk)


def ms(seconds: float) -> int:
    """Return a limit in milliseconds."""
    return round(seconds * 1000)
