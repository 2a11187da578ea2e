"""Blanks: a parameter of a query string that is left blank counts as left out.

A form sends filters that nobody has set, and `?state=&since=&limit=` is how a list is written down.
"""

from starlette.types import ASGIApp, Receive, Scope, Send


class BlankAsAbsent:
    """Takes what is blank out of the query strings of paths under `prefix`."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"].startswith(self._prefix):
            given = scope["query_string"].split(b"&")
            scope["query_string"] = b"&".join(each for each in given if each.partition(b"=")[2])
        await self._app(scope, receive, send)
