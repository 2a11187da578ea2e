"""Methods: which of them a path takes, and HEAD wherever GET is."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# Not the doors of devices: what a GET says there counts, and HEAD must say nothing.
_HEAD_PATHS = frozenset({"/", "/healthz", "/readyz", "/metrics", "/openapi.json"})
_HEAD_PREFIX = "/api/"


class HeadAsGet:
    """Answers HEAD as GET is answered, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or not _takes_head(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # A scope of its own: the server goes by the method in the other one.
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, without_body)
        finally:
            # Whoever measures the request names it by these.
            scope.update({name: asked[name] for name in ("route", "path_params") if name in asked})


def allowed_methods(request: Request) -> str:
    """Return every method that the path of `request` takes, as the header `Allow` lists them."""
    path = request.scope["path"]
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    served = [method for method in _METHODS if _is_served(routes, request.scope, method)]
    if "GET" in served and "HEAD" not in served and _takes_head(path):
        served.insert(1, "HEAD")
    # What no route serves is a file.
    return ", ".join(served or ("GET", "HEAD"))


def _is_served(routes: Sequence[BaseRoute], scope: Scope, method: str) -> bool:
    # Only what matching goes by: routes leave their marks in a scope.
    asked = {"type": "http", "method": method, "path": scope["path"], "root_path": scope.get("root_path", "")}
    return any(route.matches(dict(asked))[0] is Match.FULL for route in routes)


def _takes_head(path: str) -> bool:
    return path in _HEAD_PATHS or path.startswith(_HEAD_PREFIX)
