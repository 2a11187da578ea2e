"""The application: all routes put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry

from devices.clock import Clock
from safety.api import (
    actions,
    alerts,
    commands,
    devices,
    fences,
    fleet,
    gateways,
    health,
    live,
    nurses,
    orgs,
    policies,
    positions,
    records,
    responders,
    session,
    users,
    visits,
    work_records,
)
from safety.api.answers import Answer
from safety.api.blanks import BlankAsAbsent
from safety.api.bodies import refuse_unreadable
from safety.api.context import ApiSettings, Context, HealthChecks
from safety.api.http_metrics import HttpMetrics
from safety.api.hub import LiveHub
from safety.api.limits import MAX_THREADS, BodyLimit
from safety.api.methods import HeadAsGet
from safety.api.openapi import PROBLEMS, UNAVAILABLE, DescribedApplication
from safety.api.problems import install_problems
from safety.console.static_files import mount_console
from safety.store.database import Database

PREFIX = "/api/v1"
NOUNS = (
    session,
    alerts,
    actions,
    positions,
    nurses,
    fleet,  # before devices: no device is called board
    devices,
    gateways,
    commands,
    visits,
    work_records,
    fences,
    responders,
    policies,
    orgs,
    users,
    records,
    live,
)


def create_app(
    database: Database,
    clock: Clock,
    *,
    health: HealthChecks,
    hub: LiveHub,
    registry: CollectorRegistry,
    settings: ApiSettings,
    wake: Callable[[], None] | None = None,
    gateway: APIRouter | None = None,
) -> FastAPI:
    """Return the application. Whoever serves it also runs `hub` (`LiveHub.run`).

    `wake` is called when what a person did owes something to others; without it only the hub is woken.
    `gateway` holds the routes under `/gateway`, where devices send over HTTP.

    Raises:
        ValueError: the tiles' URL in `settings` is none.
    """
    app = DescribedApplication(
        title="Vigil",
        version=settings.version,
        summary="Home-visit nurse safety: alerts, positions, and what people do about them.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # served below, as all answers are
        responses=PROBLEMS,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.context = Context(
        database=database,
        clock=clock,
        hub=hub,
        health=health,
        registry=registry,
        settings=settings,
        wake=wake or hub.wake,
    )
    install_problems(app)
    app.add_middleware(BodyLimit, prefix="/api/")
    app.add_middleware(BlankAsAbsent, prefix="/api/")
    app.add_middleware(HeadAsGet)
    app.add_middleware(HttpMetrics, clock=clock, registry=registry)
    app.include_router(health_routes)
    for noun in NOUNS:
        # A WebSocket has no body, and no request to look at.
        guards = [] if noun is live else [Depends(refuse_unreadable)]
        app.include_router(noun.router, prefix=PREFIX, dependencies=guards, responses=UNAVAILABLE)
    # Without the prefix, too: where FastAPI keeps it unless told otherwise, and tools look for it.
    for path in (f"{PREFIX}/openapi.json", "/openapi.json"):
        app.add_route(path, lambda _request: Answer(app.openapi()), include_in_schema=False)
    if gateway is not None:
        app.include_router(gateway)
    mount_console(app, tile_origin=_tile_origin(settings), ground=settings.ground)
    return app


health_routes = health.router


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = MAX_THREADS
    yield


def _tile_origin(settings: ApiSettings) -> str | None:
    if settings.tiles is None:
        return None
    url = urlsplit(settings.tiles.url)
    # A subdomain placeholder as Leaflet knows it: https://{s}.tile.example.org/…
    return f"{url.scheme}://{url.netloc.replace('{s}', '*')}"
