"""Skew: a clock that is wrong by the same amount in all it says.

A report that waited on the device is old as well, but what waited comes in with ever other ages. So a clock
is wrong only when the difference stays the same, report after report, for a while.
"""

from ingest.records import Arrival
from safety.domain.limits import Limits
from safety.rules.device import DeviceState, Skew

SPREAD_MS = 30_000
"""By so much at most may the differences differ."""

MIN_REPORTS = 4

Value = str | int | float | bool | None


def take_in(state: DeviceState, arrival: Arrival, limits: Limits) -> None:
    """Take in by how much the clock of a report differs from ours."""
    skew_ms = arrival.report.time_ms - arrival.received_ms
    known = state.skew
    if abs(skew_ms) <= limits.clock_skew_s * 1000:
        if skew_ms != 0:  # a report without a time has ours
            state.skew = None
    elif known is None or abs(skew_ms - known.skew_ms) > SPREAD_MS:
        at_ms = arrival.received_ms
        state.skew = Skew(skew_ms, at_ms, at_ms, arrival.report.time_ms)
    elif arrival.report.time_ms != known.told_ms:
        known.told_ms = arrival.report.time_ms
        known.seen_ms = arrival.received_ms
        known.reports += 1


def is_off(skew: Skew, limits: Limits) -> bool:
    """Tell whether the clock has been wrong for long enough."""
    return skew.reports >= MIN_REPORTS and skew.seen_ms - skew.since_ms >= limits.clock_skew_for_s * 1000


def why(skew: Skew, limits: Limits) -> dict[str, Value]:
    """Return what decided."""
    return {
        "how": "clock_ahead" if skew.skew_ms > 0 else "clock_behind",
        "skew_s": abs(skew.skew_ms) / 1000,
        "allowed_s": limits.clock_skew_s,
        "reports": skew.reports,
    }
