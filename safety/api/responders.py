"""Responders: who is told of an alert."""

from fastapi import APIRouter
from pydantic import Field

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Editor, Seen
from safety.store import responders as store
from safety.store.master_queries import list_master, read_master
from safety.store.tables import responders as table

router = APIRouter(tags=["master data"])


class NewResponder(Body):
    """A responder to be added; lat and lon where they wait.

    Channels are webhook URLs, or `log:`, a line in the log.
    """

    name: str
    org: str | None = None
    channels: list[str] = Field(default_factory=list)
    lat: float | None = None
    lon: float | None = None


class ResponderChange(Change):
    """What is to change of a responder; null takes a value away."""

    name: str = ""
    channels: list[str] = Field(default_factory=list)
    lat: float | None = None
    lon: float | None = None


@router.get("/responders", response_model=schemas.Page[schemas.Responder])
def responders(page: PageById, scope: Seen, services: Services) -> Answer:
    """Return responders."""
    with services.database.reading() as connection:
        return list_answer(list_master(connection, scope, table, page), views.responder)


@router.get("/responders/{responder}", response_model=schemas.Responder)
def responder_detail(responder: str, scope: Seen, services: Services) -> Answer:
    """Return one responder."""
    with services.database.reading() as connection:
        return Answer(views.responder(read_master(connection, scope, table, responder)))


@router.post("/responders", status_code=201, response_model=schemas.Responder)
def add_responder(body: NewResponder, person: Editor, scope: Seen, services: Services) -> Answer:
    """Add a responder."""
    now_ms, org = services.clock.now_ms(), body.org or person.org
    values = body.model_dump(exclude={"org"})
    with services.database.writing() as connection:
        scope.require(connection, org)
        responder = store.add_responder(connection, org=org, actor=person.login, at_ms=now_ms, **values)
        return Answer(views.responder(read_master(connection, scope, table, responder)), 201)


@router.patch("/responders/{responder}", response_model=schemas.Responder)
def change_responder(
    responder: str, body: ResponderChange, person: Editor, scope: Seen, services: Services
) -> Answer:
    """Change a responder."""
    now_ms = services.clock.now_ms()
    changes = store.ResponderChanges(**body.model_dump(exclude_unset=True))  # type: ignore[typeddict-item]  # same keys
    with services.database.writing() as connection:
        read_master(connection, scope, table, responder)
        store.update_responder(connection, responder, changes, actor=person.login, at_ms=now_ms)
        return Answer(views.responder(read_master(connection, scope, table, responder)))
