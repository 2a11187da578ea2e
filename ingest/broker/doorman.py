"""Doorman: tells of those who were not let in: each is counted, and the first are kept as dead letters."""

import structlog

from devices.clock import Clock
from ingest.broker.guard import LoginRefused, TooManyFailures
from ingest.broker.hub import Hub
from ingest.refused import BrokerReason, Refused

log = structlog.get_logger(__name__)

LETTERS_PER_MINUTE = 30
"""Of all names and addresses together: whoever is outside must not be able to fill the disk."""
_WINDOW_S = 60.0
_LONGEST_NAME = 64


class Doorman:
    """Counts refused logins in `hub`, and keeps one letter a minute for each name, address and reason."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub = hub
        self._clock = clock
        self._since_s = clock.monotonic_s()
        self._told: set[tuple[str, str, str]] = set()

    def turned_away(self, address: str, refusal: LoginRefused) -> None:
        """Tell of a refused login from `address`."""
        reason: BrokerReason = "login_throttled" if isinstance(refusal, TooManyFailures) else "login_refused"
        name = refusal.name[:_LONGEST_NAME]
        now_s = self._clock.monotonic_s()
        if now_s - self._since_s >= _WINDOW_S:
            self._since_s = now_s
            self._told.clear()
        caller = (name, address, reason)
        if caller in self._told or len(self._told) >= LETTERS_PER_MINUTE:
            self._hub.count(reason)
            return
        self._told.add(caller)
        log.warning(
            "login refused", action=f"broker.{reason}", login=name, address=address, reason=str(refusal)
        )
        explanation = f"{refusal}; from {address or 'nowhere'}"
        self._hub.refuse(Refused(reason=reason, device=name or None, topic="", explanation=explanation))
