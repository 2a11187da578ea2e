"""The API's figures for Prometheus: how many requests, how answered, how long they took."""

from prometheus_client import CollectorRegistry, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devices.clock import Clock

_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HttpMetrics:
    """Measures every request by method, route (never the path: it holds ids) and status."""

    def __init__(self, app: ASGIApp, clock: Clock, registry: CollectorRegistry) -> None:
        self._app = app
        self._clock = clock
        self._seconds = Histogram(
            "vigil_http_request_seconds",
            "How long requests took",
            ["method", "route", "status"],
            buckets=_BUCKETS_S,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = self._clock.monotonic_s()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            labels = (_known(scope["method"]), _route(scope), str(status))
            self._seconds.labels(*labels).observe(self._clock.monotonic_s() - started_s)


def _known(method: str) -> str:
    return method if method in {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"} else "other"


def _route(scope: Scope) -> str:
    """Return the path with names instead of ids; what no route of ours serves is all one."""
    if "route" not in scope:
        return "none"
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    return "/".join(names.get(part, part) for part in str(scope["path"]).split("/"))
