"""Health: live, ready, and the figures for Prometheus."""

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import PlainTextResponse, Response

from safety.api import schemas
from safety.api.answers import UNKEPT, Answer
from safety.api.context import HealthChecks, Services

ALIVE = {"status": "ok"}
_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Readiness, "description": "a part cannot do its work"}
}

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=schemas.Health)
async def healthz() -> Answer:
    """The process answers."""
    return Answer(ALIVE)


@router.get("/readyz", response_model=schemas.Readiness, responses=_NOT_READY)
async def readyz(services: Services) -> Answer:
    """Every part can do its work; names each, and answers 503 when one cannot."""
    return await readiness(services.health)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(services: Services) -> Response:
    """The figures, in the Prometheus text format."""
    return figures(services.registry)


def figures(registry: CollectorRegistry) -> Response:
    """Return the figures of `registry`, in the Prometheus text format."""
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST, headers=UNKEPT)


async def readiness(health: HealthChecks) -> Answer:
    """Return what each part says of itself; 503 when one is not well."""
    parts = dict(await health.check())
    ready = all(state == "ok" for state in parts.values())
    return Answer({"status": "ready" if ready else "not_ready", "parts": parts}, 200 if ready else 503)
