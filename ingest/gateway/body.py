"""Body: reads a request's body, but no more of it and no longer than allowed."""

import asyncio
from typing import NamedTuple

from starlette.requests import Request

from ingest.gateway.answers import Refused
from ingest.refused import HEAD_BYTES

MAX_FORM_BYTES = 64 * 1024
"""Where the secret is in the body, so that a stranger's is read: one position needs a few hundred."""
BODY_DEADLINE_S = 30.0
CLOSE = {"Connection": "close"}
"""The header of an answer to a body that was not read to its end."""


class Body(NamedTuple):
    """What was read; of what was too large (`limit` bytes) only the beginning, and what size was declared."""

    payload: bytes
    limit: int
    is_whole: bool = True
    declared: int | None = None

    @property
    def size(self) -> str:
        """How large it is, in words: of what was cut only the sender knows."""
        if self.is_whole:
            return f"{len(self.payload)} bytes"
        return f"more than {self.limit} bytes" if self.declared is None else f"{self.declared} bytes"


async def read_body(request: Request, limit: int) -> Body:
    """Read the body; its content type is not looked at.

    Raises:
        Refused: 408, not whole within half a minute.
        ClientDisconnect: the sender went away.
    """
    said = request.headers.get("content-length", "")
    declared = int(said) if said.isdecimal() else None
    chunks: list[bytes] = []
    received = 0
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for chunk in request.stream():
                chunks.append(chunk)
                received += len(chunk)
                if received > limit:
                    head = b"".join(chunks)[: min(HEAD_BYTES, limit)]
                    return Body(head, limit, is_whole=False, declared=declared)
    except TimeoutError as error:
        detail = f"the body was not there within {BODY_DEADLINE_S:.0f} s"
        raise Refused(408, "slow", detail, headers=CLOSE) from error
    return Body(b"".join(chunks), limit)


def too_large(body: Body) -> Refused:
    """Return the refusal of a body that is larger than its limit."""
    return Refused(
        413, "too_large", f"the body has {body.size}: at most {body.limit} are taken", headers=CLOSE
    )
