"""LoginAttempts: how often a login may fail before it is not even tried any more."""

from devices.clock import Clock

FAILURES_PER_MINUTE = 10
"""Per user name and address. Not per address alone: one carrier's address may stand for many devices."""
_WINDOW_S = 60.0
_REMEMBERED = 50_000


class LoginAttempts:
    """Counts failures in fixed windows of a minute; forgets them all when the minute is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = clock.monotonic_s()
        self._failures: dict[tuple[str, str], int] = {}

    def exhausted(self, username: str, address: str) -> bool:
        """Tell whether this name at this address must wait for the next minute."""
        now_s = self._clock.monotonic_s()
        if now_s - self._since_s >= _WINDOW_S or len(self._failures) > _REMEMBERED:
            self._since_s = now_s
            self._failures.clear()
        return self._failures.get((username, address), 0) >= FAILURES_PER_MINUTE

    def failed(self, username: str, address: str) -> None:
        """Note a failure."""
        self._failures[username, address] = self._failures.get((username, address), 0) + 1
