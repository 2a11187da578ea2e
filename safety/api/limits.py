"""Limits: how large a request may be, and how many threads serve requests."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safety.api.problems import Problem, answer

MAX_BODY_BYTES = 1_000_000
# The store's pool has fifteen connections; the other parts of the service need some of them.
MAX_THREADS = 8

_TOO_LARGE = f"the body has more than {MAX_BODY_BYTES} bytes"
_HEADERS = {"Connection": "close"}


class BodyLimit:
    """Refuses bodies under `prefix` that are larger than a megabyte, before they are in memory."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
            await answer(Problem(413, _TOO_LARGE, headers=_HEADERS))(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                # Starlette's own exception: FastAPI turns any other one from here into a 400.
                raise HTTPException(413, _TOO_LARGE, headers=_HEADERS)
            return message

        await self._app(scope, counted, send)
