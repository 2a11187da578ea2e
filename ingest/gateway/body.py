"""Body: reads a request's body whole, but no more of it and no longer than allowed."""

import asyncio

from starlette.requests import Request

from ingest.gateway.answers import Refused

MAX_BODY_BYTES = 4 * 1024 * 1024
"""As large as a packet may be over MQTT (`ingest.broker.connection.MAX_PACKET_BYTES`)."""
MAX_FORM_BYTES = 64 * 1024
"""Where the secret is in the body, so that a stranger's is read: one position needs a few hundred."""
BODY_DEADLINE_S = 30.0
_CLOSE = {"Connection": "close"}


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return the body; its content type is not looked at.

    Raises:
        Refused: 413, larger than `limit`; 408, not whole within half a minute.
        ClientDisconnect: the sender went away.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    received = 0
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for chunk in request.stream():
                received += len(chunk)
                if received > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
    except TimeoutError as error:
        detail = f"the body was not there within {BODY_DEADLINE_S:.0f} s"
        raise Refused(408, "slow", detail, headers=_CLOSE) from error
    return b"".join(chunks)


def _too_large(limit: int) -> Refused:
    return Refused(413, "too_large", f"the body has more than {limit} bytes", headers=_CLOSE)
