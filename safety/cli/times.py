"""Times and durations as options of commands: RFC 3339, `now`, `+1h`, `-10m`; `90s`, `30m`, `1h`."""

from devices.rfc3339 import parse_rfc3339, rfc3339
from safety.domain.durations import parse_duration_s
from safety.errors import InvalidInput


def parse_when(text: str, now_ms: int) -> int:
    """Return the epoch milliseconds of an RFC 3339 time with offset, of `now`, or of e.g. `+1h` from now.

    Raises:
        InvalidInput: `text` is none of these.
    """
    if text == "now":
        return now_ms
    if text[:1] in ("+", "-"):
        away_ms = round(parse_duration_s(text[1:]) * 1000)
        return now_ms + away_ms if text[0] == "+" else now_ms - away_ms
    try:
        at_ms = parse_rfc3339(text)
        rfc3339(at_ms)  # with its offset it may be before the year 1, or after 9999
    except (ValueError, OverflowError) as error:
        expected = "expected e.g. 2026-11-22T09:00:00+08:00, now or +1h"
        raise InvalidInput(f"time {text!r} cannot be read: {expected}") from error
    return at_ms
