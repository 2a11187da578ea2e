"""Fences: the areas of an organisation, and those of single visits."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection

from devices.reports import Datum
from safety.api import schemas, views
from safety.api.answers import Answer, empty_answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Editor, Seen
from safety.domain import checks
from safety.domain.fence_import import FenceDraft, Mode, Wanted, read_feature, read_features
from safety.domain.fence_limits import changed_fence_limits, described_fence_limits
from safety.domain.schedule import parse_schedule
from safety.store import fences as store
from safety.store.master_queries import list_master, read_master
from safety.store.queries import Scope
from safety.store.sessions import Person
from safety.store.tables import fences as table
from safety.store.tables import visits

router = APIRouter(tags=["master data"])

Hours = Annotated[
    dict[str, Any],
    Field(examples=[{"days": "mon-fri", "from": "22:00", "to": "06:00", "zone": "Asia/Shanghai"}]),
]
FenceLimits = Annotated[
    dict[str, Any], Field(description="buffer_m, accuracy_cap_m, dwell_s, min_fixes; null is as usual.")
]


class _Asked(Body):
    """How fences are to be taken; `visit`: during that visit only, `repair`: mend what can be."""

    datum: Datum = "wgs84"
    radius_m: float | None = None
    width_m: float | None = None
    visit: str | None = None
    repair: bool = False
    org: str | None = None


class NewFence(_Asked):
    """A fence to be added: GeoJSON Polygon, MultiPolygon, Point with `radius_m`, or lines with `width_m`."""

    name: str
    geometry: Annotated[dict[str, Any], Field(description="GeoJSON, in the given datum")]
    mode: Mode = "stay_in"
    schedule: Hours | None = None
    limits: FenceLimits = Field(default_factory=dict)


class FenceFile(_Asked):
    """The fences of a GeoJSON file, all of them or none; its features may say each its own properties."""

    file: Annotated[dict[str, Any], Field(description="GeoJSON: a FeatureCollection, as files hold it")]
    mode: Mode | None = None


class FenceChange(Change):
    """What is to change of a fence; null takes its hours, or one of its limits, away."""

    name: str = ""
    mode: Mode = "stay_in"
    radius_m: float = 0.0
    width_m: float = 0.0
    schedule: Hours | None = None
    limits: FenceLimits = Field(default_factory=dict)


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


@router.get("/fences/{fence}/limits", response_model=schemas.RuleLimits)
def fence_limits(fence: str, scope: Seen, services: Services) -> Answer:
    """Return every limit of a fence."""
    with services.database.reading() as connection:
        known = read_master(connection, scope, table, fence)
    items = described_fence_limits(changed_fence_limits(known.limits, {}))
    return Answer({"subject": fence, "items": items, "next": None})


@router.post("/fences", status_code=201, response_model=schemas.AddedFence)
def add_fence(body: NewFence, person: Editor, scope: Seen, services: Services) -> Answer:
    """Add a fence."""
    limits = changed_fence_limits(None, body.limits)
    properties = {"name": checks.text(body.name, "name"), "schedule": body.schedule, **limits.named()}
    feature = {"type": "Feature", "properties": properties, "geometry": body.geometry}
    with services.database.reading() as connection:
        org = _whose(connection, scope, body, person)
        draft = read_feature(feature, _wanted(connection, org, body, body.mode), "fence")
    (fence,) = _add(services, scope, person, org, body.visit, [draft])
    return Answer({**fence, "repairs": list(draft.repairs)}, 201)


@router.post("/fences/import", status_code=201, response_model=schemas.ImportedFences)
def import_fences(body: FenceFile, person: Editor, scope: Seen, services: Services) -> Answer:
    """Add all fences of a file, or none if one is wrong."""
    with services.database.reading() as connection:
        org = _whose(connection, scope, body, person)
        drafts = read_features(body.file, _wanted(connection, org, body, body.mode))
    repairs = [f"feature {index}, {what}" for index, draft in enumerate(drafts) for what in draft.repairs]
    items = _add(services, scope, person, org, body.visit, drafts)
    return Answer({"items": items, "repairs": repairs}, 201)


@router.patch("/fences/{fence}", response_model=schemas.Fence)
def change_fence(fence: str, body: FenceChange, person: Editor, scope: Seen, services: Services) -> Answer:
    """Change a fence; one that is drawn anew is another fence."""
    given = body.model_dump(exclude_unset=True)
    changes: store.FenceChanges = {**given}  # type: ignore[typeddict-item]  # the same names
    if "schedule" in given:
        changes["schedule"] = parse_schedule(body.schedule)
    with services.database.writing() as connection:
        known = read_master(connection, scope, table, fence)
        if "limits" in given:
            changes["limits"] = changed_fence_limits(known.limits, body.limits)
        store.update_fence(connection, fence, changes, actor=person.login, at_ms=services.clock.now_ms())
        return Answer(views.fence(read_master(connection, scope, table, fence)))


@router.delete("/fences/{fence}", status_code=204)
def delete_fence(fence: str, person: Editor, scope: Seen, services: Services) -> Answer:
    """Take a fence away."""
    with services.database.writing() as connection:
        read_master(connection, scope, table, fence)
        store.remove_fence(connection, fence, actor=person.login, at_ms=services.clock.now_ms())
    return empty_answer()


def _whose(connection: Connection, scope: Scope, asked: _Asked, person: Person) -> str:
    """Return the organisation that the fences are for: without being told, that of their visit."""
    # Another's visit must look like none, before the store says whose it is.
    visit = read_master(connection, scope, visits, asked.visit) if asked.visit is not None else None
    org: str = asked.org or (person.org if visit is None else visit.org)
    scope.require(connection, org)
    return org


def _wanted(connection: Connection, org: str, asked: _Asked, mode: Mode | None) -> Wanted:
    return Wanted(
        mode=mode,
        datum=asked.datum,
        radius_m=asked.radius_m,
        width_m=asked.width_m,
        repair=asked.repair,
        near=store.known_places(connection, org),
    )


def _add(
    services: Services, scope: Scope, person: Person, org: str, visit: str | None, drafts: list[FenceDraft]
) -> list[views.View]:
    actor, at_ms = person.login, services.clock.now_ms()
    with services.database.writing() as connection:
        ids = store.import_fences(connection, org=org, drafts=drafts, visit=visit, actor=actor, at_ms=at_ms)
        return [views.fence(read_master(connection, scope, table, fence)) for fence in ids]
