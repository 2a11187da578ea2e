"""Jumps: fixes that she cannot have travelled to in the time there was.

Such a fix is held back from the fences until the next one tells whether she is there. Nothing else waits
for it: it is on the map at once, and an alarm never comes this way.
"""

import msgspec

from safety.domain.local_metres import apart_m
from safety.rules.geofence import SURE, accuracy_of
from safety.rules.sight import Sight

FASTEST_MPS = 55.0
"""200 km/h: faster than any road. In a train or an aircraft fixes are held, but not for long."""

FREE_M = 150.0
"""What two fixes may differ by in no time: no fence is left by so little."""

MOST_HELD = 2
"""After so many in a row the next is believed."""

NEAR_DEG = 0.0009
"""At most 100 m either way, so less than FREE_M together."""


class Jump(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The last fix that is believed, the newest that is not, and how many of those there were."""

    believed: Sight
    held: Sight
    count: int = 1


def can_be(before: Sight, sight: Sight) -> bool:
    """Tell whether she can have gone from `before` to `sight`."""
    here, there = before.position, sight.position
    if abs(here.lat - there.lat) < NEAR_DEG and abs(here.lon - there.lon) < NEAR_DEG:
        return True
    doubt_m = SURE * (accuracy_of(before) + accuracy_of(sight)) + FREE_M
    travelled_m = apart_m(here.lat, here.lon, there.lat, there.lon) - doubt_m
    return travelled_m <= FASTEST_MPS * abs(sight.time_ms - before.time_ms) / 1000.0


def sift(jump: Jump | None, before: Sight | None, sight: Sight) -> tuple[Jump | None, tuple[Sight, ...]]:
    """Return what is held now, and the fixes that count, in order.

    `before` is the newest fix before `sight`, `jump` what was held then.
    """
    if jump is None or before is None or jump.held.time_ms != before.time_ms:
        if before is None or can_be(before, sight):
            return None, (sight,)
        return Jump(before, sight), ()
    if can_be(jump.believed, sight) and not _nearer(sight, jump.held, jump.believed):
        return None, (sight,)
    if can_be(jump.held, sight):
        return None, (jump.held, sight)
    if jump.count >= MOST_HELD:
        return None, (sight,)
    return Jump(jump.believed, sight, jump.count + 1), ()


def _nearer(sight: Sight, one: Sight, other: Sight) -> bool:
    """Tell whether `sight` lies nearer to `one` than to `other`."""
    place = sight.position
    to_one_m, to_other_m = (
        apart_m(place.lat, place.lon, there.position.lat, there.position.lon) for there in (one, other)
    )
    return to_one_m < to_other_m
