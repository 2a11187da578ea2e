"""SharedFences: the fences of each organisation as shapes ready to be asked."""

from safety.domain.fence import Shape, shape_of
from safety.domain.plan import OrgPlan
from safety.rules.effects import AlertKind


class Union:
    """Several shapes as one: outside of it is who is outside of all."""

    def __init__(self, shapes: list[Shape]) -> None:
        self._shapes = shapes

    def outside_by_m(self, lat: float, lon: float) -> float:
        return min(shape.outside_by_m(lat, lon) for shape in self._shapes)


class SharedFences:
    """The fences by organisation: her stay-in fences are one area together, each keep-out its own."""

    def __init__(self) -> None:
        self.plans: dict[str, OrgPlan] = {}
        self._watched: dict[str, list[tuple[str, AlertKind, Shape]]] = {}

    def replan(self, plan: OrgPlan) -> None:
        """Take over an organisation's fences."""
        self.plans[plan.org] = plan
        watched: list[tuple[str, AlertKind, Shape]] = []
        stay_in = [shape_of(fence) for fence in plan.fences if fence.mode == "stay_in"]
        if stay_in:
            watched.append((f"{plan.org}/stay_in", "fence_exit", Union(stay_in)))
        keep_out = [fence for fence in plan.fences if fence.mode == "keep_out"]
        watched.extend((fence.id, "fence_enter", shape_of(fence)) for fence in keep_out)
        self._watched[plan.org] = watched

    def of(self, org: str) -> list[tuple[str, AlertKind, Shape]]:
        """Return (fence, kind of alert, shape) of what an organisation's nurses are watched for."""
        return self._watched.get(org, [])
