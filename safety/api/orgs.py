"""Organisations: one's own and those below it."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Administrator, Seen
from safety.store import orgs as store
from safety.store.master_queries import list_orgs

router = APIRouter(tags=["master data"])


class NewOrg(BaseModel):
    """An organisation to be added below another: one's own where none is named."""

    model_config = ConfigDict(extra="forbid")

    name: str
    parent: str | None = None


@router.get("/orgs", response_model=schemas.Page[schemas.Org])
def orgs(page: PageById, scope: Seen, services: Services) -> Answer:
    """Return organisations."""
    with services.database.reading() as connection:
        return list_answer(list_orgs(connection, scope, page), views.org)


@router.post("/orgs", status_code=201, response_model=schemas.Org)
def add_org(body: NewOrg, person: Administrator, scope: Seen, services: Services) -> Answer:
    """Add an organisation."""
    now_ms, parent = services.clock.now_ms(), body.parent or person.org
    with services.database.writing() as connection:
        scope.require(connection, parent)
        org = store.add_org(connection, name=body.name, parent=parent, actor=person.login, at_ms=now_ms)
        return Answer({"id": org, "name": store.find_org(connection, org).name, "parent": parent}, 201)
