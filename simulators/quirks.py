"""Quirks: what is wrong with a device and its network, each decided by a seeded random number."""

from random import Random
from typing import Annotated

import msgspec

Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Quirks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a device differs from a perfect one.

    `duplicates` is the part of its messages that it says twice, `reordered` that of its fixes that come
    after a later one. Its clock is `clock_off_s` ahead. Its battery begins at `battery_pct` (drawn from the
    seed if not said) and loses `drain_pct_per_min`; at zero the device is dead, without a word.
    """

    duplicates: Part = 0.0
    reordered: Part = 0.0
    clock_off_s: float = 0.0
    battery_pct: Percent | None = None
    drain_pct_per_min: Annotated[float, msgspec.Meta(ge=0)] = 0.0


PERFECT = Quirks()


class Luck:
    """Decides, one random number a decision, so that the same seed decides the same."""

    def __init__(self, quirks: Quirks, rng: Random) -> None:
        self._quirks = quirks
        # One stream each: how often one is asked changes nothing of the other.
        self._twice, self._late = Random(rng.getrandbits(64)), Random(rng.getrandbits(64))

    def twice(self) -> bool:
        """Tell whether this message is said twice."""
        return self._quirks.duplicates > 0 and self._twice.random() < self._quirks.duplicates

    def late(self) -> bool:
        """Tell whether this fix comes after the next one."""
        return self._quirks.reordered > 0 and self._late.random() < self._quirks.reordered
