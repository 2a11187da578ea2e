"""LoginAttempts: how often a login may fail before it is not even tried any more."""

from devices.clock import Clock

FAILURES_PER_MINUTE = 10
"""Per user name and address: a device with a wrong secret that retries every few seconds stays below."""
ADDRESS_FAILURES_PER_MINUTE = 300
"""Per address, whatever the name: many devices share one address behind a carrier's translation."""
_WINDOW_S = 60.0


class LoginAttempts:
    """Counts failures in fixed windows of a minute; forgets them all when the minute is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = clock.monotonic_s()
        self._failures: dict[tuple[str, str], int] = {}
        self._by_address: dict[str, int] = {}

    def exhausted(self, username: str, address: str) -> bool:
        """Tell whether this name at this address must wait for the next minute."""
        if self._clock.monotonic_s() - self._since_s >= _WINDOW_S:
            self._since_s = self._clock.monotonic_s()
            self._failures.clear()
            self._by_address.clear()
        return (
            self._failures.get((username, address), 0) >= FAILURES_PER_MINUTE
            or self._by_address.get(address, 0) >= ADDRESS_FAILURES_PER_MINUTE
        )

    def failed(self, username: str, address: str) -> None:
        """Note a failure. The counts stay bounded: an exhausted address adds no more."""
        self._failures[username, address] = self._failures.get((username, address), 0) + 1
        self._by_address[address] = self._by_address.get(address, 0) + 1
