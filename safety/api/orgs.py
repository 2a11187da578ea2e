"""Organisations: one's own and those below it, and the limits that the rules go by there."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Administrator, Editor, Seen
from safety.api.rule_limits import LimitsChange, NewLimits, read_limits
from safety.domain.limits import described
from safety.store import orgs as store
from safety.store.limits import limits_of_org, limits_of_visits, set_org_limits
from safety.store.master_queries import list_orgs, read_org
from safety.store.queries import Scope
from safety.store.sessions import Person

router = APIRouter(tags=["master data"])


class NewOrg(Body):
    """An organisation to be added below another: one's own where none is named."""

    name: str
    parent: str | None = None
    limits: NewLimits = Field(default_factory=dict)


class OrgChange(Change):
    """What is to change of an organisation."""

    limits: LimitsChange


@router.get("/orgs", response_model=schemas.Page[schemas.Org])
def orgs(page: PageById, scope: Seen, services: Services) -> Answer:
    """Return organisations."""
    with services.database.reading() as connection:
        listed = list_orgs(connection, scope, page)
        own = limits_of_visits(connection, [row.id for row in listed.rows])
    return list_answer(listed, lambda row: views.org(row, own.get(row.id, {})))


@router.get("/orgs/{org}", response_model=schemas.Org)
def org_detail(org: str, scope: Seen, services: Services) -> Answer:
    """Return one organisation."""
    with services.database.reading() as connection:
        return Answer(_shown(connection, scope, org))


@router.get("/orgs/{org}/limits", response_model=schemas.RuleLimits)
def org_limits(org: str, scope: Seen, services: Services) -> Answer:
    """Return every limit that the rules go by in an organisation."""
    with services.database.reading() as connection:
        read_org(connection, scope, org)
        own = limits_of_visits(connection, [org]).get(org, {})
        items = described(limits_of_org(connection, org), own)
    return Answer({"subject": org, "items": items, "next": None})


@router.post("/orgs", status_code=201, response_model=schemas.Org)
def add_org(body: NewOrg, person: Administrator, scope: Seen, services: Services) -> Answer:
    """Add an organisation."""
    now_ms, parent = services.clock.now_ms(), body.parent or person.org
    with services.database.writing() as connection:
        scope.require(connection, parent)
        org = store.add_org(connection, name=body.name, parent=parent, actor=person.login, at_ms=now_ms)
        _set_limits(connection, org, body.limits, person, now_ms)
        return Answer(_shown(connection, scope, org), 201)


@router.patch("/orgs/{org}", response_model=schemas.Org)
def change_org(org: str, body: OrgChange, person: Editor, scope: Seen, services: Services) -> Answer:
    """Set what the rules go by in an organisation and in those below it."""
    with services.database.writing() as connection:
        read_org(connection, scope, org)
        _set_limits(connection, org, body.limits, person, services.clock.now_ms())
        return Answer(_shown(connection, scope, org))


def _set_limits(connection: Connection, org: str, given: dict[str, Any], person: Person, now_ms: int) -> None:
    if given:
        changes, unset = read_limits(given)
        set_org_limits(connection, org, changes, unset, actor=person.login, at_ms=now_ms)


def _shown(connection: Connection, scope: Scope, org: str) -> views.View:
    return views.org(read_org(connection, scope, org), limits_of_visits(connection, [org]).get(org, {}))
