"""Doorman: keeps the first of those whose credentials proved nothing as dead letters, for people to see."""

import structlog
from starlette.requests import Request

from devices.clock import Clock
from ingest.admission import Admission
from ingest.attempts import Sparing
from ingest.errors import LogUnavailable
from ingest.refused import BrokerReason, Refused

_LONGEST_NAME = 64

_log = structlog.get_logger(__name__)


class Doorman:
    """Keeps one letter a minute for each name, address and reason."""

    def __init__(self, admission: Admission, clock: Clock) -> None:
        self._admission = admission
        self._sparing = Sparing(clock)

    async def turned_away(self, request: Request, name: str, reason: BrokerReason, why: str) -> None:
        """Tell of a refused login; that it cannot be written down changes nothing for who is outside."""
        name, address = name[:_LONGEST_NAME], address_of(request)
        if not self._sparing.is_news(name, address, reason):
            return
        _log.warning("login refused", action=f"gateway.{reason}", login=name, address=address, reason=why)
        explanation = f"{why}; from {address or 'nowhere'}"
        topic = f"{request.method} {request.url.path}"
        refused = Refused(reason=reason, device=name or None, topic=topic, explanation=explanation)
        try:
            await self._admission.refuse(refused)
        except LogUnavailable as error:
            _log.warning("a refused login is not kept", action="gateway.unkept", error=str(error))


def address_of(request: Request) -> str:
    """Return where the request came from."""
    return request.client.host if request.client else ""
