"""Schedule: on which days and at what hours a fence counts, by the clock on the wall of its place."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from safety.errors import InvalidInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_WEEK_MS = 7 * 86_400_000
_HOUR = re.compile(r"(\d{1,2}):(\d{2})")
_KEYS = {"days", "from", "to", "zone"}


class Schedule(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Hours that return every week: from minute `opens` to minute `closes` of each of `days` (0: Monday).

    Where `closes` is not after `opens` the hours run past midnight and belong to the day they begin on.
    `zone` is a name of the IANA time zone database.
    """

    zone: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    opens: int = 0
    closes: int = _DAY_MINUTES


class Hours:
    """A schedule, ready to be asked at many moments; pure, although it remembers its last answer.

    In a zone that this machine does not know it is always open: rather an alarm too many.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._zone = find_zone(schedule.zone)
        # The answer is `_open` from `_since_ms` until `_until_ms`.
        self._since_ms, self._until_ms, self._open = 0, 0, False

    def open_at(self, at_ms: int) -> bool:
        """Tell whether `at_ms` (epoch) is within the hours."""
        if self._zone is None:
            return True
        if not self._since_ms <= at_ms < self._until_ms:
            self._look(at_ms)
        return self._open

    def until_ms(self, at_ms: int) -> int:
        """Return until when the answer for `at_ms` holds: epoch ms, a week ahead at most."""
        answer, until_ms = self.open_at(at_ms), at_ms
        while self.open_at(until_ms) == answer and until_ms < at_ms + _WEEK_MS:
            until_ms = self._until_ms if self._zone is not None else at_ms + _WEEK_MS
        return until_ms

    def _look(self, at_ms: int) -> None:
        today = datetime.fromtimestamp(at_ms / 1000, self._zone).date()
        self._since_ms, self._until_ms = self._ms(today, 0), self._ms(today, _DAY_MINUTES)
        if not self._since_ms <= at_ms < self._until_ms:
            # A zone that skipped this day or midnight: true for this moment only.
            self._since_ms, self._until_ms = at_ms, at_ms + 1
        self._open = False
        for begin in (today - timedelta(days=1), today):
            if begin.weekday() not in self._schedule.days:
                continue
            opens_ms, closes_ms = self._span_ms(begin)
            if opens_ms <= at_ms < closes_ms:
                self._open = True
            for edge_ms in (opens_ms, closes_ms):
                if edge_ms <= at_ms:
                    self._since_ms = max(self._since_ms, edge_ms)
                else:
                    self._until_ms = min(self._until_ms, edge_ms)

    def _span_ms(self, begin: date) -> tuple[int, int]:
        opens, closes = self._schedule.opens, self._schedule.closes
        past_midnight = _DAY_MINUTES if closes <= opens else 0
        return self._ms(begin, opens), self._ms(begin, closes + past_midnight)

    def _ms(self, day: date, minute: int) -> int:
        days, minute = divmod(minute, _DAY_MINUTES)
        local = datetime.combine(day + timedelta(days=days), time(*divmod(minute, 60)), self._zone)
        return round(local.timestamp() * 1000)


def parse_schedule(given: Any) -> Schedule | None:
    """Return the schedule that a fence's properties hold.

    For example {"days": "mon-fri", "from": "08:00", "to": "18:00", "zone": "Asia/Shanghai"}.
    Without `days` it counts every day, without `from` and `to` all day long; None is no schedule: always.

    Raises:
        InvalidInput: it is none; says which key, and what was expected.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping) or not set(given) <= _KEYS:
        raise _refused("schedule", "expected an object with days, from, to and zone")
    zone = given.get("zone")
    if not isinstance(zone, str):
        raise _refused("schedule.zone", "expected the name of a time zone such as Asia/Shanghai")
    if find_zone(zone) is None:
        raise _refused("schedule.zone", f"{zone[:40]!r} is unknown, expected a name such as Asia/Shanghai")
    opens = _minute(given.get("from", "00:00"), "schedule.from")
    closes = _minute(given.get("to", "24:00"), "schedule.to")
    if opens in (closes, _DAY_MINUTES):
        raise _refused("schedule", "from and to are the same moment, leave both out for the whole day")
    return Schedule(zone=zone, days=_days(given.get("days", "mon-sun")), opens=opens, closes=closes)


def written(schedule: Schedule) -> dict[str, Any]:
    """Return a schedule as `parse_schedule` takes it, with every key."""
    return {
        "days": [DAYS[day] for day in schedule.days],
        "from": _clock(schedule.opens),
        "to": _clock(schedule.closes),
        "zone": schedule.zone,
    }


def find_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of that name, None if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _refused(key: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{key}: {reason}", key)


def _minute(given: object, key: str) -> int:
    found = _HOUR.fullmatch(given) if isinstance(given, str) else None
    minute = _DAY_MINUTES + 1 if found is None else int(found[1]) * 60 + int(found[2])
    if found is None or int(found[2]) > 59 or minute > _DAY_MINUTES:
        raise _refused(key, f"{str(given)[:40]!r} is no time of day, expected 00:00 to 24:00")
    return minute


def _days(given: object) -> tuple[int, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        raise _refused("schedule.days", "expected days such as mon-fri or sat,sun")
    found: set[int] = set()
    for part in parts:
        first, _, last = part.strip().lower().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            what = f"{part[:40]!r} is unknown, expected days such as mon-fri or sat,sun"
            raise _refused("schedule.days", what)
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return tuple(sorted(found))
