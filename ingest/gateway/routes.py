"""Routes: the paths under `/gateway`, each counted by what became of it."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
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
from ingest.gateway import brought, native, osmand, owntracks
from ingest.gateway.answers import Refused, problem_answer, unavailable
from ingest.gateway.described import BROUGHT, NATIVE, OSMAND, OSMAND_POST, OWNTRACKS
from ingest.gateway.desk import Desk
from ingest.gateway.doorman import Doorman
from ingest.gateway.logins import Logins, TokenHolders
from ingest.gateway.mailbox import Mailbox
from ingest.gateway.metrics import GatewayMetrics
from ingest.gateway.places import Places
from ingest.limits import Limits

PREFIX = "/gateway"

Identity = Annotated[str | None, Query(description="`DEVICE~SECRET`; it may be in the body instead")]
Event = Annotated[str, Query(max_length=32, description="up, join, status, …, as ChirpStack names it")]

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
        tokens: TokenHolders | None = None,
        limits: Limits = Limits(),  # noqa: B008  # frozen
    ) -> None:
        doorman = Doorman(admission, clock)
        self._logins = Logins(registry, clock, doorman, tokens)
        places, metrics = Places(limits, clock), GatewayMetrics(prometheus)
        metrics.gauge_inside(places.inside)
        self._desk = Desk(admission, self._logins, places, mailbox, metrics)
        self.router = APIRouter(prefix=PREFIX, tags=["gateway"], route_class=_route_class(self._desk))
        self._add_native()
        self._add_apps()
        self._add_gateways()

    def close(self) -> None:
        """Let its threads end."""
        self._logins.close()

    def _add_native(self) -> None:
        desk = self._desk

        @self.router.post("/native/{channel}", **NATIVE)
        async def send_native(request: Request, channel: Channel, seen: native.Seen = []) -> Response:  # noqa: B006  # FastAPI copies it
            """Say something as a device: the payloads are those of MQTT."""
            return await native.take(desk, request, channel, seen)

    def _add_apps(self) -> None:
        desk = self._desk

        # With a slash at the end, too: an app that follows no redirect of a POST would never be heard.
        @self.router.post("/owntracks/", include_in_schema=False)
        @self.router.post("/owntracks", **OWNTRACKS)
        async def send_owntracks(request: Request) -> Response:
            """Say something as the OwnTracks app in HTTP mode."""
            return await owntracks.take(desk, request)

        @self.router.get("/osmand/", include_in_schema=False)
        @self.router.get("/osmand", **OSMAND)
        async def send_osmand(request: Request, id: Identity = None) -> Response:
            """Say something as OsmAnd, or Traccar Client before version 9."""
            return await osmand.take(desk, request)

        @self.router.post("/osmand/", include_in_schema=False)
        @self.router.post("/osmand", **OSMAND_POST)
        async def post_osmand(request: Request, id: Identity = None) -> Response:
            """Say something as Traccar Client."""
            return await osmand.take(desk, request)

    def _add_gateways(self) -> None:
        desk = self._desk

        @self.router.post("/traccar", **BROUGHT)
        async def bring_traccar(request: Request) -> Response:
            """Bring a position or an event, as a Traccar server's forwarder does."""
            return await brought.take(desk, request, "traccar", "any")

        @self.router.post("/chirpstack", **BROUGHT)
        async def bring_chirpstack(request: Request, event: Event = "up") -> Response:
            """Bring an event, as ChirpStack's HTTP integration does."""
            return await brought.take(desk, request, "chirpstack", event)

        @self.router.post("/jt808", **BROUGHT)
        async def bring_jt808(request: Request) -> Response:
            """Bring what a JT/T 808 platform has of its terminals."""
            return await brought.take(desk, request, "jt808", "any")

        @self.router.post("/gb28181", **BROUGHT)
        async def bring_gb28181(request: Request) -> Response:
            """Bring what a GB/T 28181 platform has of its recorders."""
            return await brought.take(desk, request, "gb28181", "any")


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
        answer = await handle(request)
        return getattr(request.state, "outcome", "admitted"), answer
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
