"""Desk: what every gateway has before it, and how many requests may be in admission at once."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import msgspec
import structlog
from starlette.requests import Request

from devices.commands import Command, CommandKind
from devices.registry.port import Device
from ingest.admission import Admission, Admitted
from ingest.gateway.answers import unavailable
from ingest.gateway.logins import Logins
from ingest.gateway.mailbox import ALL_KINDS, Mailbox
from ingest.gateway.metrics import GatewayMetrics

PLACES = 256
"""Requests in admission at once, of urgent ones and of all others; each stays as long as its body takes."""
PLACES_OF_ONE = 16
"""Of one sender at once: another's alarm must find a place however slowly this one sends."""

_log = structlog.get_logger(__name__)


def note_outcome(request: Request, admitted: Admitted) -> None:
    """Have a request of which nothing was admitted counted as a dead letter, though it is answered 200."""
    if admitted.refusals and not admitted.reports:
        request.state.outcome = "dead_letter"


class Desk:
    """Admission, logins and mailbox of the gateways."""

    def __init__(
        self, admission: Admission, logins: Logins, mailbox: Mailbox, metrics: GatewayMetrics
    ) -> None:
        self.admission = admission
        self.logins = logins
        self.metrics = metrics
        self._mailbox = mailbox
        self._inside = {True: Counter[str](), False: Counter[str]()}
        metrics.gauge_inside(lambda urgent: self._inside[urgent].total())

    @asynccontextmanager
    async def place(self, sender: str, *, urgent: bool = False) -> AsyncIterator[None]:
        """Hold one of the places for `sender`.

        Raises:
            Refused: 503, there is none.
        """
        inside = self._inside[urgent]
        if inside[sender] >= PLACES_OF_ONE or inside.total() >= PLACES:
            raise unavailable("too many requests at once: come again", "crowded")
        inside[sender] += 1
        try:
            yield
        finally:
            inside[sender] -= 1
            if not inside[sender]:
                del inside[sender]

    async def admit(
        self, device: Device, dialect: str, channel: str, payload: bytes, source: str
    ) -> Admitted:
        """Admit what `device` said in `dialect`: the door says which, whatever the registry has.

        Raises:
            LogUnavailable: the log cannot be written just now.
        """
        if device.codec != dialect:
            device = msgspec.structs.replace(device, codec=dialect)
        return await self.admission.admit_from(device, channel, payload, source)

    async def hand_out(
        self,
        device: str,
        *,
        kinds: Collection[CommandKind] = ALL_KINDS,
        alarms: Collection[str | None] = (),
        request: str | None = None,
    ) -> list[Command]:
        """Return what the mailbox has for `device`; nothing if it fails.

        What the device said is durable by now: an error would only make it say it again.
        """
        try:
            return await self._mailbox.hand_out(device, kinds=kinds, alarms=alarms, request=request)
        except Exception as error:  # noqa: BLE001  # whatever it is, it waits for the next answer
            self._failed(device, error)
            return []

    async def mark_seen(self, device: str, ids: Sequence[str]) -> None:
        """Tell the mailbox what `device` has; if that fails it is handed out once more."""
        try:
            await self._mailbox.seen(device, ids)
        except Exception as error:  # noqa: BLE001  # as above
            self._failed(device, error)

    def _failed(self, device: str, error: Exception) -> None:
        _log.warning("mailbox failed", action="gateway.mailbox_failed", device=device, error=repr(error))
