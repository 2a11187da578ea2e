"""FenceLimits: when a nurse counts as outside or inside of a fence. Sources of the numbers: docs/rules.md."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from safety.errors import InvalidInput


class FenceLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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

_ALLOWED: dict[str, tuple[float, float]] = {
    "buffer_m": (0.0, 1_000.0),
    "accuracy_cap_m": (10.0, 1_000.0),
    "dwell_s": (0.0, 3_600.0),
    "min_fixes": (1, 20),
}


def changed_fence_limits(known: Mapping[str, Any] | None, given: Mapping[str, Any]) -> FenceLimits:
    """Return the limits `known` with those that `given` sets, which must hold nothing else; None is as usual.

    Raises:
        InvalidInput: one cannot be used, or is unknown.
    """
    unknown = next((name for name in given if name not in _ALLOWED), None)
    if unknown is not None:
        raise InvalidInput(
            f"limits.{unknown[:40]} is unknown: expected {', '.join(_ALLOWED)}", f"limits.{unknown[:40]}"
        )
    return parse_limits({**(known or {}), **given})


def parse_limits(properties: Mapping[str, Any]) -> FenceLimits:
    """Return the limits that a feature's properties give; what they leave out is as usual.

    Raises:
        InvalidInput: one cannot be used; says which, and what was expected.
    """
    given: dict[str, float] = {}
    for name, (least, most) in _ALLOWED.items():
        value = properties.get(name)
        if value is None:
            continue
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        within = least <= number <= most
        if not within or (name == "min_fixes" and number != round(number)):
            raise InvalidInput(
                f"properties.{name}: {str(value)[:40]!r} cannot be used, expected {least:g} to {most:g}",
                f"limits.{name}",
            )
        given[name] = int(number) if name == "min_fixes" else float(number)
    return msgspec.convert(given, FenceLimits)
