"""Visits: where a nurse is expected, and until when."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.context import Services
from safety.api.paging import Moment, PageByTime
from safety.api.people import Editor, Seen
from safety.store import visits as store
from safety.store.master_queries import VisitFilter, list_visits, read_master, read_nurse
from safety.store.tables import visits as table

router = APIRouter(tags=["master data"])


class NewVisit(BaseModel):
    """A visit to be made: a circle of `radius_m` metres around a place (WGS-84), and a time."""

    model_config = ConfigDict(extra="forbid")

    nurse: str
    lat: float
    lon: float
    starts_at: Moment
    ends_at: Moment
    radius_m: float = 150.0
    check_in_every_s: float | None = None
    patient: str | None = None
    risk: store.Risk = "low"


class VisitChange(BaseModel):
    """What is to change of a visit; null takes a value away."""

    model_config = ConfigDict(extra="forbid")

    lat: float = 0.0
    lon: float = 0.0
    starts_at: Moment = 0
    ends_at: Moment = 0
    radius_m: float = 150.0
    check_in_every_s: float | None = None
    patient: str | None = None
    risk: store.Risk = "low"


def _filter(
    nurse: str | None = None,
    from_: Annotated[Moment | None, Query(alias="from", description="not over before")] = None,
    to: Annotated[Moment | None, Query(description="begun before")] = None,
) -> VisitFilter:
    return VisitFilter(nurse or None, from_, to)


@router.get("/visits", response_model=schemas.Page[schemas.Visit])
def visits(
    wanted: Annotated[VisitFilter, Depends(_filter)], page: PageByTime, scope: Seen, services: Services
) -> Answer:
    """Return visits, latest start first."""
    now_ms = services.clock.now_ms()
    with services.database.reading() as connection:
        listed = list_visits(connection, scope, wanted, page)
    return list_answer(listed, lambda row: views.visit(row, now_ms))


@router.get("/visits/{visit}", response_model=schemas.Visit)
def visit_detail(visit: str, scope: Seen, services: Services) -> Answer:
    """Return one visit."""
    with services.database.reading() as connection:
        return Answer(views.visit(read_master(connection, scope, table, visit), services.clock.now_ms()))


@router.post("/visits", status_code=201, response_model=schemas.Visit)
def add_visit(body: NewVisit, person: Editor, scope: Seen, services: Services) -> Answer:
    """Plan a visit."""
    now_ms = services.clock.now_ms()
    values = _in_store(body.model_dump())
    with services.database.writing() as connection:
        read_nurse(connection, scope, body.nurse, now_ms)
        visit = store.add_visit(connection, **values, actor=person.login, at_ms=now_ms)
        return Answer(views.visit(read_master(connection, scope, table, visit), now_ms), 201)


@router.patch("/visits/{visit}", response_model=schemas.Visit)
def change_visit(visit: str, body: VisitChange, person: Editor, scope: Seen, services: Services) -> Answer:
    """Change a visit."""
    now_ms = services.clock.now_ms()
    changes: store.VisitChanges = _in_store(body.model_dump(exclude_unset=True))
    with services.database.writing() as connection:
        read_master(connection, scope, table, visit)
        store.update_visit(connection, visit, changes, actor=person.login, at_ms=now_ms)
        return Answer(views.visit(read_master(connection, scope, table, visit), now_ms))


def _in_store(values: dict[str, Any]) -> Any:
    names = {"starts_at": "starts_ms", "ends_at": "ends_ms"}
    return {names.get(name, name): value for name, value in values.items()}
