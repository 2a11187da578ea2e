"""Users: the people at the console, kept by an administrator."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Services
from safety.api.paging import PageById
from safety.api.people import Administrator, Seen
from safety.errors import InvalidInput
from safety.store import users as store
from safety.store.changes import record_change
from safety.store.master_queries import list_users, read_user
from safety.store.sessions import end_sessions_of

router = APIRouter(tags=["people"])


class NewUser(Body):
    """A person to be added, to one's own organisation where none is named."""

    login: str
    role: store.Role
    password: Annotated[str, Field(max_length=1024)]
    org: str | None = None


class UserChange(Change):
    """What is to change of a user; a new password ends their sessions, and so does `disabled`."""

    role: store.Role = "auditor"
    password: Annotated[str, Field(max_length=1024)] = ""
    disabled: bool = False


@router.get("/users", response_model=schemas.Page[schemas.User])
def users(page: PageById, _person: Administrator, scope: Seen, services: Services) -> Answer:
    """Return users."""
    with services.database.reading() as connection:
        return list_answer(list_users(connection, scope, page), views.user)


@router.post("/users", status_code=201, response_model=schemas.User)
def add_user(body: NewUser, person: Administrator, scope: Seen, services: Services) -> Answer:
    """Add a user."""
    now_ms, org = services.clock.now_ms(), body.org or person.org
    with services.database.writing() as connection:
        scope.require(connection, org)
        user = store.add_user(connection, org, body.login, body.role, body.password, now_ms)
        detail = {"role": body.role}
        record_change(
            connection, "user_added", user, org=org, actor=person.login, at_ms=now_ms, detail=detail
        )
        return Answer(views.user(read_user(connection, scope, user)), 201)


@router.patch("/users/{user}", response_model=schemas.User)
def change_user(
    user: str, body: UserChange, person: Administrator, scope: Seen, services: Services
) -> Answer:
    """Change a user's role or password, or keep them out."""
    now_ms = services.clock.now_ms()
    given = body.model_dump(exclude_unset=True)
    role, password = given.get("role"), given.get("password")
    if user == person.user and (given.get("disabled") or role not in (None, "admin")):
        field = "disabled" if body.disabled else "role"
        raise InvalidInput("you cannot take your own access away: ask another administrator", field)
    with services.database.writing() as connection:
        known = read_user(connection, scope, user)
        disabled = given.get("disabled", known.disabled_ms is not None)
        disabled_ms = (known.disabled_ms or now_ms) if disabled else None
        store.change_user(connection, user, role=role, disabled_ms=disabled_ms)
        if password is not None:
            store.check_password(password)
            store.set_password(connection, user, password)
        if disabled or password is not None:
            end_sessions_of(connection, user)
        record_change(
            connection,
            "user_changed",
            user,
            org=known.org,
            actor=person.login,
            at_ms=now_ms,
            detail={"changed": sorted(given)},
        )
        shown = views.user(read_user(connection, scope, user))
    services.hub.wake()
    return Answer(shown)
