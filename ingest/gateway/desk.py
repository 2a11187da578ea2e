"""Desk: what every gateway has before it: admission, logins, places and mailbox."""

from collections.abc import Collection, Sequence

import msgspec
import structlog
from starlette.requests import Request

from devices.commands import Command, CommandKind
from devices.registry.port import Device
from ingest import refused
from ingest.admission import Admission, Admitted
from ingest.dead_letters import Refusal
from ingest.gateway.body import Body
from ingest.gateway.logins import Logins
from ingest.gateway.mailbox import ALL_KINDS, Mailbox
from ingest.gateway.metrics import GatewayMetrics
from ingest.gateway.places import Places

_log = structlog.get_logger(__name__)


def note_outcome(request: Request, admitted: Admitted) -> None:
    """Have a request of which nothing was admitted counted as a dead letter, though it is answered 200."""
    if admitted.refusals and not admitted.reports:
        request.state.outcome = "dead_letter"


class Desk:
    """What the doors have in common."""

    def __init__(
        self,
        admission: Admission,
        logins: Logins,
        places: Places,
        mailbox: Mailbox,
        metrics: GatewayMetrics,
    ) -> None:
        self.admission = admission
        self.logins = logins
        self.places = places
        self.metrics = metrics
        self._mailbox = mailbox

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

    async def behead(self, device: Device, body: Body, source: str) -> list[Refusal]:
        """Keep the beginning of a body that was too large as a dead letter; return what to tell of it.

        The beginning is all there is to read, and read it must be: it may be an alarm's.

        Raises:
            LogUnavailable: the log cannot be written just now.
        """
        if body.is_whole:
            return []
        explanation = f"{body.size}: at most {body.limit} are taken; this is their beginning"
        await self.admission.refuse(
            refused.Refused(
                reason="too_large",
                device=device.id,
                topic=source,
                explanation=explanation,
                payload=body.payload,
            )
        )
        return [Refusal("too_large", explanation, "$")]

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
