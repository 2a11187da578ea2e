"""The HTTP of a process without a console: its health, its figures, the devices' gateway if it has one."""

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.responses import Response

from devices.clock import Clock
from safety.api.answers import Answer
from safety.api.context import HealthChecks
from safety.api.health import ALIVE, figures, readiness
from safety.api.http_metrics import HttpMetrics
from safety.api.methods import HeadAsGet
from safety.api.problems import install_problems


def create_outpost(
    health: HealthChecks, registry: CollectorRegistry, clock: Clock, gateway: APIRouter | None = None
) -> FastAPI:
    """Return the application, with the routes of `gateway` beside `/healthz`, `/readyz` and `/metrics`."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    install_problems(app)
    app.add_middleware(HeadAsGet)
    app.add_middleware(HttpMetrics, clock=clock, registry=registry)

    @app.get("/healthz")
    async def healthz() -> Answer:
        return Answer(ALIVE)

    @app.get("/readyz")
    async def readyz() -> Answer:
        return await readiness(health)

    @app.get("/metrics")
    def metrics() -> Response:
        return figures(registry)

    if gateway is not None:
        app.include_router(gateway)
    return app
