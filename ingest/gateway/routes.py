"""Routes: the paths under `/gateway`, each counted by what became of it."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from devices.clock import Clock
from devices.errors import RegistryUnavailable
from devices.registry.port import DeviceRegistry
from devices.topics import Channel
from ingest.admission import Admission
from ingest.errors import LogUnavailable
from ingest.gateway import native
from ingest.gateway.answers import Refused, problem_answer, unavailable
from ingest.gateway.described import NATIVE
from ingest.gateway.desk import Desk
from ingest.gateway.logins import Logins
from ingest.gateway.mailbox import Mailbox
from ingest.gateway.metrics import GatewayMetrics

PREFIX = "/gateway"

_log = structlog.get_logger(__name__)


class Gateway:
    """The routes, in `router`, for the application that serves them; `close` it when that has ended."""

    def __init__(
        self,
        admission: Admission,
        registry: DeviceRegistry,
        mailbox: Mailbox,
        clock: Clock,
        prometheus: CollectorRegistry,
    ) -> None:
        self._logins = Logins(registry, clock)
        self._desk = Desk(admission, self._logins, mailbox, GatewayMetrics(prometheus))
        self.router = APIRouter(prefix=PREFIX, tags=["gateway"], route_class=_route_class(self._desk))
        self._add_native()

    def close(self) -> None:
        """Let its threads end."""
        self._logins.close()

    def _add_native(self) -> None:
        desk = self._desk

        @self.router.post("/native/{channel}", **NATIVE)
        async def send_native(request: Request, channel: Channel, seen: native.Seen = []) -> Response:  # noqa: B006  # FastAPI copies it
            """Say something as a device: the payloads are those of MQTT."""
            return await native.take(desk, request, channel, seen)


def _route_class(desk: Desk) -> type[APIRoute]:
    """Return the class of routes that count, and answer every failure so that the sender does right by it."""

    class CountedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()
            gateway = self.path.removeprefix(PREFIX).strip("/").partition("/")[0]

            async def counted(request: Request) -> Response:
                outcome, answer = await _outcome(handle, request)
                desk.metrics.requests.labels(gateway, outcome).inc()
                return answer

            return counted

    return CountedRoute


async def _outcome(
    handle: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
) -> tuple[str, Response]:
    try:
        return "admitted", await handle(request)
    except Refused as refused:
        return refused.outcome, problem_answer(refused)
    except RequestValidationError:
        return "unknown", problem_answer(Refused(404, "unknown", f"nothing is served at {request.url.path}"))
    except (LogUnavailable, RegistryUnavailable) as error:
        _log.warning("gateway is out", action="gateway.unavailable", error=str(error))
        out = unavailable("it could not be made durable just now: send it again")
        return out.outcome, problem_answer(out)
    except ClientDisconnect:
        return "gone", Response(status_code=400)
    except Exception as error:  # noqa: BLE001  # its text may quote the payload: the type must do
        kind = type(error).__name__
        _log.error("gateway failed", action="gateway.failed", path=request.url.path, error=kind)
        return "failed", problem_answer(Refused(500, "failed", "something failed here: send it again"))
