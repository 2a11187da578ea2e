"""Durations as people write them: `90s`, `30m`, `1h`, `1h30m`."""

import re

from safety.errors import InvalidInput

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_LONGEST_S = 366 * 86_400.0


def parse_duration_s(text: str) -> float:
    """Return the seconds of a duration such as `90s`, `30m`, `1h30m` (units ms, s, m, h, d; at most 366 d).

    Raises:
        InvalidInput: `text` is no such duration.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidInput(f"duration {text!r} cannot be read: expected e.g. 90s, 30m or 1h30m")
    duration_s = sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    if duration_s > _LONGEST_S:
        raise InvalidInput(f"duration {text!r} is longer than 366d")
    return duration_s
