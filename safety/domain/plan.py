"""Plans: what the engine must know of a nurse's day. They are records of the log, so a replay knows
the same at the same moment.
"""

import msgspec

from safety.domain.fence_limits import STANDARD, FenceLimits
from safety.domain.limits import LimitValue
from safety.domain.schedule import Schedule


class FencePlan(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A fence in WGS-84, as GeoJSON or WKB; a Point has a radius, a line a width (from side to side).

    It counts at the hours of its schedule, None: always.
    """

    id: str
    mode: str
    geometry: bytes | dict[str, object]
    radius_m: float | None = None
    width_m: float | None = None
    schedule: Schedule | None = None
    limits: FenceLimits = STANDARD


class VisitPlan(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A visit: where (WGS-84), when (epoch ms), how often to check in; `limits` are those of its own.

    Its own stay-in `fences` belong to its place beside the circle, its keep-out ones count for it alone.
    """

    id: str
    lat: float
    lon: float
    radius_m: float
    starts_ms: int
    ends_ms: int
    check_in_every_s: float | None = None
    risk: str = "low"
    fences: tuple[FencePlan, ...] = ()
    limits: dict[str, LimitValue] = {}


class DevicePlan(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A device that she carries, since `bound_ms` if somebody else had it before.

    A test is planned for its next alarm from `test_from_ms` to `test_until_ms`, if they are set.
    """

    id: str
    kind: str
    bound_ms: int | None = None
    test_from_ms: int | None = None
    test_until_ms: int | None = None


class NursePlan(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag="nurse_plan"):
    """All that the rules must know of one nurse; the newest one replaces the others.

    `limits` are those that her organisation set, `safety.domain.limits` has the others.
    """

    nurse: str
    org: str
    visits: tuple[VisitPlan, ...] = ()
    devices: tuple[DevicePlan, ...] = ()
    pin_hash: str | None = None
    duress_pin_hash: str | None = None
    limits: dict[str, LimitValue] = {}

    def visit_at(self, at_ms: int, lead_ms: int = 0) -> VisitPlan | None:
        """Return the visit that is planned for `at_ms`, or that begins within `lead_ms` of it."""
        for visit in self.visits:
            if visit.starts_ms - lead_ms <= at_ms <= visit.ends_ms:
                return visit
        return None


class OrgPlan(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="org_plan"):
    """The shared fences of an organisation; the newest one replaces the others."""

    org: str
    fences: tuple[FencePlan, ...] = ()
