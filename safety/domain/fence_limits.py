"""FenceLimits: when a nurse counts as outside or inside of a fence. Sources of the numbers: docs/rules.md."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from safety.domain.limits import Limit, LimitValue
from safety.errors import InvalidInput


class FenceLimits(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The parameters of one fence.

    A fix is outside when it lies beyond the edge by more than `buffer_m` and its accuracy, which counts up
    to `accuracy_cap_m`; crossing needs `min_fixes` such fixes over at least `dwell_s`.
    """

    buffer_m: float = 25.0
    accuracy_cap_m: float = 100.0
    dwell_s: float = 30.0
    min_fixes: int = 2

    def named(self) -> dict[str, float]:
        """Return what is not as usual, by name."""
        named: dict[str, float] = msgspec.to_builtins(self)
        return named


STANDARD = FenceLimits()

FENCE_LIMITS: dict[str, Limit] = {
    "buffer_m": Limit("m", 0, 1_000, "how much farther than its error a fix must lie beyond the edge"),
    "accuracy_cap_m": Limit("m", 10, 1_000, "up to how much the error of a fix counts"),
    "dwell_s": Limit("s", 0, 3_600, "how long she must be on the other side"),
    "min_fixes": Limit("fixes", 1, 20, "in how many fixes at least she must be seen there"),
}


def changed_fence_limits(known: Mapping[str, Any] | None, given: Mapping[str, Any]) -> FenceLimits:
    """Return the limits `known` with those that `given` sets, which must hold nothing else; None is as usual.

    Raises:
        InvalidInput: one cannot be used, or is unknown.
    """
    unknown = next((name for name in given if name not in FENCE_LIMITS), None)
    if unknown is not None:
        raise InvalidInput(
            f"limits.{unknown[:40]} is unknown: expected {', '.join(FENCE_LIMITS)}", f"limits.{unknown[:40]}"
        )
    return parse_limits({**(known or {}), **given})


def described_fence_limits(limits: FenceLimits) -> list[dict[str, LimitValue]]:
    """Return every limit of a fence as people read it: what holds, and whether it was set here."""
    return [
        {
            "name": name,
            "value": getattr(limits, name),
            "unit": limit.unit,
            "default": getattr(STANDARD, name),
            "from": "here" if name in limits.named() else "default",
            "means": limit.means,
        }
        for name, limit in FENCE_LIMITS.items()
    ]


def parse_limits(properties: Mapping[str, Any]) -> FenceLimits:
    """Return the limits that a feature's properties give; what they leave out is as usual.

    Raises:
        InvalidInput: one cannot be used; says which, and what was expected.
    """
    given: dict[str, float] = {}
    for name, limit in FENCE_LIMITS.items():
        value = properties.get(name)
        if value is None:
            continue
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        within = limit.low <= number <= limit.high
        if not within or (name == "min_fixes" and number != round(number)):
            raise InvalidInput(
                f"properties.{name}: {str(value)[:40]!r} cannot be used, "
                f"expected {limit.low:g} to {limit.high:g}",
                f"limits.{name}",
            )
        given[name] = int(number) if name == "min_fixes" else float(number)
    return msgspec.convert(given, FenceLimits)
