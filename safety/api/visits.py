"""Visits: where a nurse is expected, and until when."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import Connection

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Services
from safety.api.paging import Moment, PageByTime
from safety.api.people import Editor, Seen
from safety.api.rule_limits import LimitsChange, NewLimits, read_limits
from safety.domain.limits import described
from safety.store import visits as store
from safety.store.limits import limits_during, limits_of_visits, set_visit_limits
from safety.store.master_queries import VisitFilter, list_visits, read_master, read_nurse
from safety.store.queries import Scope
from safety.store.sessions import Person
from safety.store.tables import visits as table

router = APIRouter(tags=["master data"])


class NewVisit(Body):
    """A visit to be made: a circle of `radius_m` metres around a place (WGS-84), and a time."""

    nurse: str
    lat: float
    lon: float
    starts_at: Moment
    ends_at: Moment
    radius_m: float = 150.0
    check_in_every_s: float | None = None
    patient: str | None = None
    risk: store.Risk = "low"
    limits: NewLimits = Field(default_factory=dict)


class VisitChange(Change):
    """What is to change of a visit; null takes a value away. A `cancelled` one is no longer watched."""

    lat: float = 0.0
    lon: float = 0.0
    starts_at: Moment = 0
    ends_at: Moment = 0
    radius_m: float = 150.0
    check_in_every_s: float | None = None
    patient: str | None = None
    risk: store.Risk = "low"
    cancelled: bool = False
    limits: LimitsChange = Field(default_factory=dict)


def _filter(
    nurse: str | None = None,
    from_: Annotated[Moment | None, Query(alias="from", description="not over before")] = None,
    to: Annotated[Moment | None, Query(description="begun before")] = None,
) -> VisitFilter:
    return VisitFilter(nurse, from_, to)


@router.get("/visits", response_model=schemas.Page[schemas.PlannedVisit])
def visits(
    wanted: Annotated[VisitFilter, Depends(_filter)], page: PageByTime, scope: Seen, services: Services
) -> Answer:
    """Return visits, latest start first."""
    now_ms = services.clock.now_ms()
    with services.database.reading() as connection:
        listed = list_visits(connection, scope, wanted, page)
        own = limits_of_visits(connection, [row.id for row in listed.rows])
    return list_answer(listed, lambda row: views.planned_visit(row, own.get(row.id, {}), now_ms))


@router.get("/visits/{visit}", response_model=schemas.PlannedVisit)
def visit_detail(visit: str, scope: Seen, services: Services) -> Answer:
    """Return one visit."""
    with services.database.reading() as connection:
        return Answer(_shown(connection, scope, visit, services.clock.now_ms()))


@router.get("/visits/{visit}/limits", response_model=schemas.RuleLimits)
def visit_limits(visit: str, scope: Seen, services: Services) -> Answer:
    """Return every limit that the rules go by during a visit."""
    with services.database.reading() as connection:
        read_master(connection, scope, table, visit)
        own = limits_of_visits(connection, [visit]).get(visit, {})
        items = described(limits_during(connection, visit), own)
    return Answer({"subject": visit, "items": items, "next": None})


@router.post("/visits", status_code=201, response_model=schemas.PlannedVisit)
def add_visit(body: NewVisit, person: Editor, scope: Seen, services: Services) -> Answer:
    """Plan a visit."""
    now_ms = services.clock.now_ms()
    values = _in_store(body.model_dump(exclude={"limits"}))
    with services.database.writing() as connection:
        read_nurse(connection, scope, body.nurse, now_ms)
        visit = store.add_visit(connection, **values, actor=person.login, at_ms=now_ms)
        _set_limits(connection, visit, body.limits, person, now_ms)
        return Answer(_shown(connection, scope, visit, now_ms), 201)


@router.patch("/visits/{visit}", response_model=schemas.PlannedVisit)
def change_visit(visit: str, body: VisitChange, person: Editor, scope: Seen, services: Services) -> Answer:
    """Change a visit."""
    now_ms = services.clock.now_ms()
    changes: store.VisitChanges = _in_store(body.model_dump(exclude_unset=True, exclude={"limits"}))
    with services.database.writing() as connection:
        read_master(connection, scope, table, visit)
        store.update_visit(connection, visit, changes, actor=person.login, at_ms=now_ms)
        _set_limits(connection, visit, body.limits, person, now_ms)
        return Answer(_shown(connection, scope, visit, now_ms))


def _set_limits(
    connection: Connection, visit: str, given: dict[str, Any], person: Person, now_ms: int
) -> None:
    if given:
        changes, unset = read_limits(given)
        set_visit_limits(connection, visit, changes, unset, actor=person.login, at_ms=now_ms)


def _shown(connection: Connection, scope: Scope, visit: str, now_ms: int) -> views.View:
    own = limits_of_visits(connection, [visit]).get(visit, {})
    return views.planned_visit(read_master(connection, scope, table, visit), own, now_ms)


def _in_store(values: dict[str, Any]) -> Any:
    names = {"starts_at": "starts_ms", "ends_at": "ends_ms"}
    return {names.get(name, name): value for name, value in values.items()}
