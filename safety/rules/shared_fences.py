"""SharedFences: the fences of all organisations, ready to be asked about many positions at once."""

from collections.abc import Collection, Iterable, Sequence
from operator import itemgetter

import numpy as np
import shapely
from numpy.typing import NDArray

from devices.reports import Position
from safety.domain.fence import outline_of, wrapped
from safety.domain.fence_limits import FenceLimits
from safety.domain.plan import FencePlan, OrgPlan, VisitPlan
from safety.domain.schedule import Hours
from safety.rules.geofence import accuracy_of, clear_m
from safety.rules.guarded import SharedFence
from safety.rules.sight import Sight

__all__ = ["SharedFence", "SharedFences"]

_MOST_KNOWN = 50_000
"""Visits' own fences that are kept ready at most: beyond it they are made anew when they are wanted."""

_REACH_M = 2_000.0
"""So far a distance is told exactly."""

_FARTHEST_DEG = 0.2
"""Farther from every stay-in fence than some 20 km it does not matter how far."""


class SharedFences:
    """One index over all fences; an organisation's stay-in fences are one area together."""

    def __init__(self) -> None:
        self.plans: dict[str, OrgPlan] = {}
        self.version = 0
        self._of_org: dict[str, list[tuple[SharedFence, shapely.Geometry]]] = {}
        self._fences: list[SharedFence] = []
        self._outlines: NDArray[np.object_] = np.empty(0, dtype=object)
        self._index: shapely.STRtree | None = None
        self._stay_in: dict[str, list[int]] = {}
        self._stay_in_hours: dict[str, tuple[Hours | None, ...]] = {}
        self._widest: dict[str, FenceLimits] = {}
        self._by_id: dict[str, SharedFence] = {}
        self._own: dict[str, SharedFence] = {}

    def replan(self, plan: OrgPlan) -> None:
        """Take over an organisation's fences; if one of them is no shape, all stays as it was."""
        self._of_org[plan.org] = [(SharedFence(plan.org, fence), outline_of(fence)) for fence in plan.fences]
        self.plans[plan.org] = plan
        self.version += 1
        self._index = None

    def __bool__(self) -> bool:
        return any(self._of_org.values())

    def fence(self, id: str) -> SharedFence | None:
        """Return the fence of that id."""
        self._ready()
        return self._by_id.get(id)

    def own(self, visit: VisitPlan) -> list[SharedFence]:
        """Return the fences of one visit alone."""
        return [self._made(fence) for fence in visit.fences]

    def keeps_in(self, org: str) -> bool:
        """Tell whether the organisation has any stay-in fence."""
        self._ready()
        return org in self._stay_in

    def has_stay_in(self, org: str, at_ms: int) -> bool:
        """Tell whether the organisation's nurses must stay in some area at `at_ms`."""
        self._ready()
        hours = self._stay_in_hours.get(org)
        return hours is not None and any(some is None or some.open_at(at_ms) for some in hours)

    def holding(self, positions: Sequence[Position], orgs: Sequence[str]) -> list[list[SharedFence]]:
        """Return, for each position of somebody of the organisation beside it, its fences that hold it."""
        index = self._ready()
        lons = np.array([position.lon for position in positions])
        lats = np.array([position.lat for position in positions])
        seen, candidates = index.query(shapely.points(lons, lats))
        within = shapely.contains_xy(self._outlines[candidates], lons[seen], lats[seen])
        found: list[list[SharedFence]] = [[] for _ in positions]
        for place, candidate in zip(seen[within].tolist(), candidates[within].tolist(), strict=True):
            fence = self._fences[candidate]
            if fence.org == orgs[place]:
                found[place].append(fence)
        return found

    def nearest_stay_in(self, sight: Sight) -> tuple[float, SharedFence]:
        """Return how far outside all stay-in fences of her organisation she is, and the nearest of them.

        Only where `has_stay_in`; negative: how far inside. Beyond 2 km it may say less.
        """
        index, position = self._ready(), sight.position
        reach_m = max(2.0 * clear_m(accuracy_of(sight), self._widest[sight.org]), _REACH_M)
        near = sorted(index.query(_box(position.lat, position.lon, reach_m)).tolist())
        own = [
            (fence.shape.outside_by_m(position.lat, position.lon), fence)
            for fence in (self._fences[i] for i in near)
            if fence.org == sight.org and fence.kind == "fence_exit" and fence.open_at(sight.time_ms)
        ]
        if own:
            return min(own, key=itemgetter(0))
        some = (self._fences[i] for i in self._stay_in[sight.org])
        return reach_m, next(fence for fence in some if fence.open_at(sight.time_ms))

    def room_deg(
        self, lat: float, lon: float, org: str, visit: VisitPlan, entered: Collection[str], most_deg: float
    ) -> float:
        """Return how far off a place, along either axis, no fence says anything else than there.

        There she is in the keep-out fences `entered` and no other, and in the area of her organisation.
        In degrees, at most `most_deg`; 0: nowhere, or it cannot be told.
        """
        for fence in self.own(visit):
            if fence.kind == "fence_enter":
                west, south, east, north = fence.bounds
                most_deg = min(most_deg, max(west - lon, lon - east, south - lat, lat - north))
        if most_deg <= 0.0:
            return 0.0
        near, place = [], shapely.Point(lon, lat)
        for number in self._ready().query(shapely.box(*_square(lat, lon, most_deg))).tolist():
            fence = self._fences[number]
            if fence.org == org and fence.kind == "fence_enter" and fence.id not in entered:
                most_deg = min(most_deg, 0.7 * float(shapely.distance(self._outlines[number], place)))
            elif fence.org == org and fence.hours is None:
                near.append(number)
        box = shapely.box(*_square(lat, lon, most_deg))
        holding = [self._fences[number] for number in near if shapely.contains(self._outlines[number], box)]
        kept_in = any(fence.kind == "fence_exit" for fence in holding)
        still_in = [fence for fence in holding if fence.kind == "fence_enter"]
        agrees = len(still_in) == len(entered) and (kept_in or not self.keeps_in(org))
        return most_deg if agrees else 0.0

    def _made(self, fence: FencePlan) -> SharedFence:
        made = self._own.get(fence.id)
        if made is None or (made.plan is not fence and made.plan != fence):
            if len(self._own) >= _MOST_KNOWN:
                self._own.clear()
            made = self._own[fence.id] = SharedFence("", fence)
        return made

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
        self._stay_in, self._stay_in_hours, self._widest = {}, {}, {}
        for number, fence in enumerate(self._fences):
            if fence.kind == "fence_exit":
                self._stay_in.setdefault(fence.org, []).append(number)
        for org, own in self._stay_in.items():
            fences = [self._fences[i] for i in own]
            self._stay_in_hours[org] = tuple({id(fence.hours): fence.hours for fence in fences}.values())
            self._widest[org] = _widest(fence.limits for fence in fences)


def _widest(limits: Iterable[FenceLimits]) -> FenceLimits:
    """Return limits that are nowhere narrower than `limits`."""
    every = list(limits)
    return FenceLimits(
        buffer_m=max(each.buffer_m for each in every),
        accuracy_cap_m=max(each.accuracy_cap_m for each in every),
    )


def _square(lat: float, lon: float, half_deg: float) -> tuple[float, float, float, float]:
    return lon - half_deg, lat - half_deg, lon + half_deg, lat + half_deg


def _box(lat: float, lon: float, reach_m: float) -> shapely.Geometry:
    """Return a box in degrees that holds everything within `reach_m` of a place."""
    d_lat = min(reach_m / 110_000.0, _FARTHEST_DEG)
    d_lon = d_lat / max(np.cos(np.radians(lat)), 1e-3)
    return wrapped(shapely.box(lon - d_lon, lat - d_lat, lon + d_lon, lat + d_lat))
