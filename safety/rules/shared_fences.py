"""SharedFences: the fences of all organisations, ready to be asked about many positions at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from safety.domain.fence import Circle, Shape, outline_of, shape_of
from safety.domain.plan import FencePlan, OrgPlan
from safety.rules.effects import AlertKind
from safety.rules.geofence import CLEAR_M
from safety.rules.sight import Sight

STAY_IN = "stay_in"

_NEAR_M = 2 * CLEAR_M
"""Farther from every stay-in fence than this it does not matter how far."""


class SharedFence(NamedTuple):
    """One shared fence: whom it concerns, what is told of it, and its shape."""

    id: str
    org: str
    kind: AlertKind
    shape: Shape


class SharedFences:
    """One index over all fences; an organisation's stay-in fences are one area together."""

    def __init__(self) -> None:
        self.plans: dict[str, OrgPlan] = {}
        self._of_org: dict[str, list[tuple[SharedFence, shapely.Geometry]]] = {}
        self._fences: list[SharedFence] = []
        self._outlines: NDArray[np.object_] = np.empty(0, dtype=object)
        self._index: shapely.STRtree | None = None
        self._stay_in: dict[str, list[int]] = {}
        self._by_id: dict[str, SharedFence] = {}

    def replan(self, plan: OrgPlan) -> None:
        """Take over an organisation's fences; if one of them is no shape, all stays as it was."""
        self._of_org[plan.org] = [(_shared(plan.org, fence), outline_of(fence)) for fence in plan.fences]
        self.plans[plan.org] = plan
        self._index = None

    def __bool__(self) -> bool:
        return any(self._of_org.values())

    def fence(self, id: str) -> SharedFence | None:
        """Return the fence of that id."""
        self._ready()
        return self._by_id.get(id)

    def has_stay_in(self, org: str) -> bool:
        """Tell whether the organisation's nurses must stay in some area."""
        self._ready()
        return org in self._stay_in

    def inside(self, sights: Sequence[Sight]) -> dict[int, list[SharedFence]]:
        """Return, for the index of each sight that is in any fence of its organisation, those fences."""
        index = self._ready()
        lons = np.array([sight.position.lon for sight in sights])
        lats = np.array([sight.position.lat for sight in sights])
        seen, candidates = index.query(shapely.points(lons, lats))
        within = shapely.contains_xy(self._outlines[candidates], lons[seen], lats[seen])
        found: dict[int, list[SharedFence]] = {}
        for sight, candidate in zip(seen[within].tolist(), candidates[within].tolist(), strict=True):
            fence = self._fences[candidate]
            if fence.org == sights[sight].org:
                found.setdefault(sight, []).append(fence)
        return found

    def outside_stay_in_m(self, sight: Sight) -> float:
        """Return how far outside all stay-in fences of her organisation she is, up to a clear distance."""
        index, position = self._ready(), sight.position
        box = Circle(position.lat, position.lon, _NEAR_M).bounds()
        near = set(index.query(shapely.box(*box)).tolist())
        own = (self._fences[i].shape for i in self._stay_in[sight.org] if i in near)
        return min((shape.outside_by_m(position.lat, position.lon) for shape in own), default=_NEAR_M)

    def _ready(self) -> shapely.STRtree:
        if self._index is None:
            self._build()
        assert self._index is not None  # noqa: S101  # just built
        return self._index

    def _build(self) -> None:
        pairs = [pair for org in sorted(self._of_org) for pair in self._of_org[org]]
        self._fences = [fence for fence, _ in pairs]
        self._by_id = {fence.id: fence for fence in self._fences}
        outlines = np.empty(len(pairs), dtype=object)
        outlines[:] = [outline for _, outline in pairs]
        shapely.prepare(outlines)
        for _ in range(2):  # prepared indexes are built by the second question, not by the first
            shapely.contains_xy(outlines, 0.0, 0.0)
        self._outlines = outlines
        self._index = shapely.STRtree(outlines)
        self._stay_in = {}
        for number, fence in enumerate(self._fences):
            if fence.kind == "fence_exit":
                self._stay_in.setdefault(fence.org, []).append(number)


def _shared(org: str, fence: FencePlan) -> SharedFence:
    kind: AlertKind = "fence_exit" if fence.mode == STAY_IN else "fence_enter"
    return SharedFence(fence.id, org, kind, shape_of(fence))
