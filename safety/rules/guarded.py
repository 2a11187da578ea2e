"""SharedFence: one fence as the rules see it: whom it concerns, when, and its shape."""

from functools import cached_property, lru_cache

import shapely

from safety.domain.fence import Shape, outline_of, shape_of
from safety.domain.fence_limits import FenceLimits
from safety.domain.plan import FencePlan
from safety.domain.schedule import Hours, Schedule
from safety.rules.effects import AlertKind

STAY_IN = "stay_in"


class SharedFence:
    """A fence of an organisation, or of a visit; its shape in metres is made when it is first asked for."""

    def __init__(self, org: str, plan: FencePlan) -> None:
        self.id = plan.id
        self.org = org
        self.plan = plan
        self.kind: AlertKind = "fence_exit" if plan.mode == STAY_IN else "fence_enter"
        self.limits: FenceLimits = plan.limits
        self.hours: Hours | None = None if plan.schedule is None else hours_of(plan.schedule)

    @cached_property
    def shape(self) -> Shape:
        """The shape on the ground."""
        return shape_of(self.plan)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """The box around it in degrees: west, south, east, north."""
        west, south, east, north = shapely.bounds(outline_of(self.plan)).tolist()
        return west, south, east, north

    def open_at(self, at_ms: int) -> bool:
        """Tell whether the fence counts at `at_ms`."""
        return self.hours is None or self.hours.open_at(at_ms)

    def until_ms(self, at_ms: int) -> int | None:
        """Return when the hours that are on at `at_ms` end at the latest; None: there are no hours."""
        return None if self.hours is None else self.hours.until_ms(at_ms)


@lru_cache(maxsize=1_024)
def hours_of(schedule: Schedule) -> Hours:
    """Return the hours of a schedule: the same for all fences that share it."""
    return Hours(schedule)
