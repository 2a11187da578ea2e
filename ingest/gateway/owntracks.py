"""OwnTracks in HTTP mode: `POST /gateway/owntracks`, answered with a list of OwnTracks messages.

The Android app sends what was not answered 2xx again for ever, and nothing else before it; the iOS app
drops for good what was answered 4xx. So whatever is durable is answered 200, a dead letter too.
"""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from devices.codecs.owntracks_commands import KINDS, said
from ingest.admission import Admitted
from ingest.gateway.answers import json_answer
from ingest.gateway.body import CLOSE, read_body
from ingest.gateway.desk import Desk, note_outcome
from ingest.gateway.logins import basic_credentials

_SOURCE = "POST /gateway/owntracks"


async def take(desk: Desk, request: Request) -> Response:
    """Admit what an app says; the answer holds what it is to do.

    Raises:
        Refused: 401, or nothing could be made durable.
    """
    device = await desk.logins.device(request, basic_credentials(request))
    async with desk.places.device(device, patient=True):
        body = await read_body(request, desk.places.limits.payload_bytes)
        payload = body.payload
        desk.places.took(device, len(payload))
        cut = await desk.behead(device, body, _SOURCE)
        admitted = Admitted([], [])
        if payload.strip():  # a friend was deleted from the app: it sends nothing at all
            admitted = await desk.admit(device, "owntracks", "", payload, _SOURCE)
    note_outcome(request, Admitted(admitted.reports, cut + admitted.refusals))
    digest = hashlib.sha256(payload).hexdigest()
    commands = await desk.hand_out(device.id, kinds=KINDS, request=digest)
    return json_answer([said(command) for command in commands], headers={} if body.is_whole else CLOSE)
