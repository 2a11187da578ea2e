"""Nurses: the people whose safety all of this is for."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Editor, Seen
from safety.store import nurses as store
from safety.store.master_queries import list_nurses, read_nurse

router = APIRouter(tags=["master data"])


class NewNurse(Body):
    """A nurse to be added, to one's own organisation where none is named."""

    name: str
    org: str | None = None
    phone: str | None = None
    pin: Annotated[str | None, Field(description="4 to 12 digits, to cancel an alarm")] = None
    duress_pin: Annotated[str | None, Field(description="the pin that says: under threat")] = None


class NurseChange(Change):
    """What is to change of a nurse; null takes a value away."""

    name: str = ""
    phone: str | None = None
    pin: str | None = None
    duress_pin: str | None = None


@router.get("/nurses", response_model=schemas.Page[schemas.Nurse])
def nurses(page: PageById, scope: Seen, services: Services) -> Answer:
    """Return nurses."""
    with services.database.reading() as connection:
        listed = list_nurses(connection, scope, page, services.clock.now_ms())
    return list_answer(listed, views.nurse)


@router.get("/nurses/{nurse}", response_model=schemas.Nurse)
def nurse_detail(nurse: str, scope: Seen, services: Services) -> Answer:
    """Return one nurse."""
    with services.database.reading() as connection:
        return Answer(views.nurse(read_nurse(connection, scope, nurse, services.clock.now_ms())))


@router.post("/nurses", status_code=201, response_model=schemas.Nurse)
def add_nurse(body: NewNurse, person: Editor, scope: Seen, services: Services) -> Answer:
    """Add a nurse."""
    now_ms, org = services.clock.now_ms(), body.org or person.org
    values = body.model_dump(exclude={"org"})
    with services.database.writing() as connection:
        scope.require(connection, org)
        nurse = store.add_nurse(connection, org=org, actor=person.login, at_ms=now_ms, **values)
        return Answer(views.nurse(read_nurse(connection, scope, nurse, now_ms)), 201)


@router.patch("/nurses/{nurse}", response_model=schemas.Nurse)
def change_nurse(nurse: str, body: NurseChange, person: Editor, scope: Seen, services: Services) -> Answer:
    """Change a nurse."""
    now_ms = services.clock.now_ms()
    changes = store.NurseChanges(**body.model_dump(exclude_unset=True))  # type: ignore[typeddict-item]  # same keys
    with services.database.writing() as connection:
        read_nurse(connection, scope, nurse, now_ms)
        store.update_nurse(connection, nurse, changes, actor=person.login, at_ms=now_ms)
        return Answer(views.nurse(read_nurse(connection, scope, nurse, now_ms)))
