"""Attempts: how often a login may fail before it is told to wait, and how often that is written down."""

from devices.clock import Clock

FAILURES_PER_MINUTE = 10
"""Per user name and address. Not per address alone: one carrier's address may stand for many devices."""
LETTERS_PER_MINUTE = 30
_WINDOW_S = 60.0
_REMEMBERED = 50_000


class LoginAttempts:
    """Counts failures in fixed windows of a minute; forgets them all when the minute is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = clock.monotonic_s()
        self._failures: dict[tuple[str, str], int] = {}

    def exhausted(self, username: str, address: str) -> bool:
        """Tell whether this name failed at this address as often as it may within a minute."""
        now_s = self._clock.monotonic_s()
        if now_s - self._since_s >= _WINDOW_S or len(self._failures) > _REMEMBERED:
            self._since_s = now_s
            self._failures.clear()
        return self._failures.get((username, address), 0) >= FAILURES_PER_MINUTE

    def failed(self, username: str, address: str) -> None:
        """Note a failure."""
        self._failures[username, address] = self._failures.get((username, address), 0) + 1


class Sparing:
    """Tells what is to be written down of those who were turned away: one letter a minute for each of them.

    Of all together there are `LETTERS_PER_MINUTE`: whoever is outside must not be able to fill the disk.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = clock.monotonic_s()
        self._told: set[tuple[str, ...]] = set()

    def is_news(self, *caller: str) -> bool:
        """Tell whether to write this `caller` down; says so once."""
        now_s = self._clock.monotonic_s()
        if now_s - self._since_s >= _WINDOW_S:
            self._since_s = now_s
            self._told.clear()
        if caller in self._told or len(self._told) >= LETTERS_PER_MINUTE:
            return False
        self._told.add(caller)
        return True
