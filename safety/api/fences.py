"""Fences: the shared areas of an organisation."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devices.reports import Datum
from safety.api import schemas, views
from safety.api.answers import Answer, empty_answer, list_answer
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Editor, Seen
from safety.domain.fence_import import Mode, parse_fences
from safety.store.fences import import_fences, remove_fence
from safety.store.master_queries import list_master, read_master
from safety.store.tables import fences as table

router = APIRouter(tags=["master data"])


class NewFence(BaseModel):
    """A fence to be added: a GeoJSON Polygon, MultiPolygon, or Point with `radius_m`."""

    model_config = ConfigDict(extra="forbid")

    name: str
    geometry: Annotated[dict[str, Any], Field(description="GeoJSON, in the given datum")]
    mode: Mode = "stay_in"
    radius_m: float | None = None
    datum: Datum = "wgs84"
    org: str | None = None


@router.get("/fences", response_model=schemas.Page[schemas.Fence])
def fences(page: PageById, scope: Seen, services: Services) -> Answer:
    """Return fences."""
    with services.database.reading() as connection:
        return list_answer(list_master(connection, scope, table, page), views.fence)


@router.get("/fences/{fence}", response_model=schemas.Fence)
def fence_detail(fence: str, scope: Seen, services: Services) -> Answer:
    """Return one fence."""
    with services.database.reading() as connection:
        return Answer(views.fence(read_master(connection, scope, table, fence)))


@router.post("/fences", status_code=201, response_model=schemas.Fence)
def add_fence(body: NewFence, person: Editor, scope: Seen, services: Services) -> Answer:
    """Add a fence."""
    now_ms, org = services.clock.now_ms(), body.org or person.org
    feature = {"type": "Feature", "properties": {"name": body.name}, "geometry": body.geometry}
    drafts = parse_fences(
        msgspec.json.encode(feature), mode=body.mode, datum=body.datum, radius_m=body.radius_m
    )
    with services.database.writing() as connection:
        scope.require(connection, org)
        (fence,) = import_fences(connection, org=org, drafts=drafts, actor=person.login, at_ms=now_ms)
        return Answer(views.fence(read_master(connection, scope, table, fence)), 201)


@router.delete("/fences/{fence}", status_code=204)
def delete_fence(fence: str, person: Editor, scope: Seen, services: Services) -> Answer:
    """Take a fence away."""
    with services.database.writing() as connection:
        read_master(connection, scope, table, fence)
        remove_fence(connection, fence, actor=person.login, at_ms=services.clock.now_ms())
    return empty_answer()
