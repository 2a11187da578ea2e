"""Doorman: tells of those who were not let in: each is counted, and the first are kept as dead letters."""

import structlog

from devices.clock import Clock
from ingest.attempts import Sparing
from ingest.broker.guard import LoginRefused, TooManyFailures
from ingest.broker.hub import Hub
from ingest.refused import BrokerReason, Refused

log = structlog.get_logger(__name__)

_LONGEST_NAME = 64


class Doorman:
    """Counts refused logins in `hub`, and keeps one letter a minute for each name, address and reason."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub = hub
        self._sparing = Sparing(clock)

    def turned_away(self, address: str, refusal: LoginRefused) -> None:
        """Tell of a refused login from `address`."""
        reason: BrokerReason = "login_throttled" if isinstance(refusal, TooManyFailures) else "login_refused"
        name = refusal.name[:_LONGEST_NAME]
        if not self._sparing.is_news(name, address, reason):
            self._hub.count(reason)
            return
        log.warning(
            "login refused", action=f"broker.{reason}", login=name, address=address, reason=str(refusal)
        )
        explanation = f"{refusal}; from {address or 'nowhere'}"
        self._hub.refuse(Refused(reason=reason, device=name or None, topic="", explanation=explanation))
