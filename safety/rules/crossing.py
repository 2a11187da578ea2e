"""Crossing: the fixes that put her on the other side of a fence's edge, and what they say in an alert."""

import msgspec

from safety.domain.fence_limits import FenceLimits
from safety.rules.sight import Sight

Why = dict[str, str | int | float | bool | None]


class Mark(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One fix that counts: where and when it was, and how far outside of the fence (negative: inside)."""

    time_ms: int
    received_ms: int
    event: str
    lat: float
    lon: float
    accuracy_m: float
    outside_m: float


class Crossing(msgspec.Struct, gc=False, array_like=True):
    """The fixes on the other side of the edge since she was last clearly on this one.

    `until_ms`: when the fence's hours end, None: never. `poor`: no fix among them was a good one.
    """

    first: Mark
    last: Mark
    limits: FenceLimits
    until_ms: int | None = None
    fixes: int = 0
    poor: bool = False


def mark_of(sight: Sight, outside_m: float, accuracy_m: float) -> Mark:
    """Return what is kept of a fix that counts."""
    position = sight.position
    return Mark(
        sight.time_ms, sight.received_ms, sight.event, position.lat, position.lon, accuracy_m, outside_m
    )


def why_of(crossing: Crossing, rule: str, fence: str, dwell_ms: int) -> Why:
    """Return what decided: the rule, its thresholds, and the first and the last of the fixes.

    Distances are metres beyond the edge, in the direction that matters: outwards for a stay-in fence.
    """
    limits, first, last = crossing.limits, crossing.first, crossing.last
    return {
        "rule": rule,
        "fence": fence,
        "beyond_edge_m": round(abs(last.outside_m), 1),
        "accuracy_m": round(last.accuracy_m, 1),
        "buffer_m": limits.buffer_m,
        "accuracy_cap_m": limits.accuracy_cap_m,
        "fixes": crossing.fixes,
        "min_fixes": limits.min_fixes,
        "dwell_s": dwell_ms / 1000,
        "min_dwell_s": limits.dwell_s,
        "first_ms": first.time_ms,
        "first_lat": first.lat,
        "first_lon": first.lon,
        "first_accuracy_m": round(first.accuracy_m, 1),
        "first_beyond_edge_m": round(abs(first.outside_m), 1),
        "last_ms": last.time_ms,
        "last_lat": last.lat,
        "last_lon": last.lon,
    }
