"""Traccar Client and OsmAnd: `GET` or `POST /gateway/osmand`, in the old form and in the new one.

The apps have one field for who they are: `id=DEVICE~SECRET`. They send again, for ever and nothing else
before it, what was not answered 2xx. So whatever is durable is answered 200, a dead letter too.
"""

import re
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ingest.admission import Admitted
from ingest.gateway.answers import json_answer
from ingest.gateway.body import CLOSE, MAX_FORM_BYTES, read_body, too_large
from ingest.gateway.desk import Desk, note_outcome
from ingest.gateway.logins import basic_credentials, joined_credentials
from ingest.gateway.native import faults_in

_NAMES = ("id", "deviceid", "device_id")
_MOST_PARAMETERS = 200
_NAMED = re.compile(rb'"device_?id"\s*:\s*"([^"\\]{1,200})"', re.IGNORECASE)
_HIDDEN = b"***"


async def take(desk: Desk, request: Request) -> Response:
    """Admit one position, an alarm perhaps, of an app.

    Raises:
        Refused: 401; 413 where it is too large, and does not begin with whose it is; or nothing could be
            made durable.
    """
    query = request.scope["query_string"]
    read = await read_body(request, MAX_FORM_BYTES)
    body = read.payload
    if body.strip()[:1] in {b"{", b"["}:
        channel, payload, name = "json", body, _in_query(query) or _in_json(body)
    else:
        form = body.strip() if read.is_whole else body.rpartition(b"&")[0]  # the last one may be cut through
        channel, payload = "query", b"&".join(part for part in (query, form) if part)
        name = _in_query(payload)
    given = joined_credentials(name) or basic_credentials(request)
    if given is None and not read.is_whole:
        raise too_large(read)  # and nothing is kept: it may be anybody's
    device = await desk.logins.device(request, given)
    if given is not None:  # it has done its work; what is kept as a dead letter is read by people
        payload = payload.replace(given.secret.encode(), _HIDDEN)
    source = f"{request.method} /gateway/osmand"
    async with desk.places.device(device, patient=True):
        desk.places.took(device, len(payload))
        cut = await desk.behead(device, read._replace(payload=payload), source)
        said = await desk.admit(device, "osmand", channel, payload, source)
    admitted = Admitted(said.reports, cut + said.refusals)
    note_outcome(request, admitted)
    return json_answer({"faults": faults_in(admitted)}, headers={} if read.is_whole else CLOSE)


def _in_query(text: bytes) -> str | None:
    try:
        pairs = parse_qsl(text.decode(errors="replace"), max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return None
    return next((value for key, value in pairs if key.lower() in _NAMES), None)


def _in_json(body: bytes) -> str | None:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Broken, but perhaps an alarm: whose it is may be recognisable all the same.
        found = _NAMED.search(body)
        return found[1].decode(errors="replace") if found else None
    first = said[0] if isinstance(said, list) and said else said
    if not isinstance(first, dict):
        return None
    return next((str(first[name]) for name in ("device_id", "deviceId", "id") if first.get(name)), None)
