"""Times as devices tell them: which can be believed, and which came late."""

CLOCK_AHEAD_MS = 2 * 60_000
"""How far a device's clock may run ahead before its times are doubted."""

TOO_OLD_MS = 30 * 24 * 3_600_000
"""Older than this, a time is a clock that was never set."""

LATE_MS = 5 * 60_000
"""An alarm that comes in this long after it happened is marked late."""

DEAF_MS = 10_000
"""Ticks come every second: a longer gap between two means that the service was away."""

RESUME_MS = 60_000
"""So long after the service was away, what devices kept for it may still be coming in."""


def plausible_ms(told_ms: int, received_ms: int) -> tuple[int, tuple[str, ...]]:
    """Return when it happened and the doubts about it: an implausible time becomes the time of receipt."""
    if received_ms - TOO_OLD_MS <= told_ms <= received_ms + CLOCK_AHEAD_MS:
        return min(told_ms, received_ms), ()
    return received_ms, ("time",)


def late(occurred_ms: int, received_ms: int) -> bool:
    """Tell whether an alarm came in long after it happened."""
    return received_ms - occurred_ms > LATE_MS
