"""Gateways that bring what many devices said: a Traccar server, ChirpStack, platforms of 808 and 28181.

A gateway has taken a message over from its device by the time it forwards it, and repeats it a few times
at best. So whatever is durable is answered 200, a dead letter too: to repeat it would change nothing.
"""

from starlette.requests import Request
from starlette.responses import Response

from ingest.admission import Admitted
from ingest.gateway.answers import json_answer
from ingest.gateway.body import CLOSE, read_body
from ingest.gateway.desk import Desk, note_outcome
from ingest.gateway.native import faults_in


async def take(desk: Desk, request: Request, dialect: str, channel: str) -> Response:
    """Admit what a gateway brings in `dialect`, as far as it may speak for the devices.

    Raises:
        Refused: 401 or 403, or nothing could be made durable.
    """
    speaker = await desk.logins.speaker(request, dialect)
    source = f"POST {request.url.path}"
    async with desk.places.gateway(speaker):
        body = await read_body(request, desk.places.limits.payload_bytes)
        desk.places.took(speaker, len(body.payload))
        cut = await desk.behead(speaker, body, source)
        said = await desk.admission.admit_brought(speaker, dialect, channel, body.payload, source)
    admitted = Admitted(said.reports, cut + said.refusals)
    note_outcome(request, admitted)
    answer = {"reports": len(admitted.reports), "faults": faults_in(admitted)}
    return json_answer(answer, headers={} if body.is_whole else CLOSE)
