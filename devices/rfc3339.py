"""RFC 3339: how times are written outside, from and to epoch milliseconds."""

from datetime import UTC, datetime
from functools import lru_cache

NO_TIME = "expected a time such as 2026-11-22T13:45:12+08:00"


def rfc3339(at_ms: int) -> str:
    """Render epoch milliseconds as RFC 3339 in UTC, e.g. `2026-11-22T13:45:12.862Z`."""
    minute, ms = divmod(at_ms, 60_000)
    return f"{_minute(minute)}{ms // 1000:02d}.{ms % 1000:03d}Z"


def parse_rfc3339(text: str) -> int:
    """Return the epoch milliseconds of an RFC 3339 time with offset.

    Raises:
        ValueError: `text` is not such a time, or has no offset.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is no time: {NO_TIME}") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset: {NO_TIME}")
    return round(moment.timestamp() * 1000)


# What is listed together happened close together; 65,536 minutes are six weeks.
@lru_cache(maxsize=65_536)
def _minute(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).isoformat()[:17]
