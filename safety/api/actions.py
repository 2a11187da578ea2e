"""Actions: what a dispatcher does with an alert, and who is told who was first."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, AliasChoices, ConfigDict, Field
from sqlalchemy import Connection

from devices.rfc3339 import rfc3339
from safety.api import schemas, views
from safety.api.answers import Answer
from safety.api.bodies import Body
from safety.api.context import Context, Services
from safety.api.people import ACTS, Actor
from safety.api.problems import Problem
from safety.domain import checks
from safety.domain.alert import Action, RefusedAction, Resolution
from safety.errors import Conflict, InvalidInput
from safety.store.alert_queries import find_alert, last_mover, read_alert
from safety.store.alerts import act
from safety.store.audit import append_audit
from safety.store.orgs import lineage
from safety.store.queries import Scope
from safety.store.responders import list_responders
from safety.store.sessions import Person
from safety.store.users import find_user

router = APIRouter(tags=["alerts"])

_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": schemas.Overtaken}}
_LONGEST = 4000

Version = Annotated[int, Field(ge=1, description="the version of the alert that was seen")]
Text = Annotated[str, Field(max_length=_LONGEST)]


def _optional(field: str) -> AfterValidator:
    """Return the check of a text that may be left out; a blank one counts as left out."""
    return AfterValidator(lambda value: checks.optional_prose(value, field, _LONGEST))


class Step(Body):
    """What every action takes. What it does not know it ignores: an alarm is no moment for pedantry."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    version: Version
    note: Annotated[Text | None, _optional("note")] = None


class Assignment(Step):
    """Who takes the alert over: a user by login, or a responder by id; without either, oneself."""

    user: str | None = None
    responder: str | None = None


class Dispatch(Step):
    """Who is on the way: a responder by id, if it is one of ours."""

    responder: str | None = None


class Note(Body):
    """What is worth knowing; it may be added whatever the version, and to a closed alert too.

    As with every action, what it does not know it ignores.
    """

    model_config = ConfigDict(extra="ignore")

    version: Version | None = None
    text: Annotated[
        str,
        Field(min_length=1, max_length=_LONGEST, validation_alias=AliasChoices("text", "note")),
        AfterValidator(lambda value: checks.prose(value, "text", _LONGEST)),
    ]


class Verification(Step):
    """How sure it is that there is danger: 0 (no call for help) to 4 (a threat to life), if that is known."""

    level: Annotated[int, Field(ge=0, le=4)] | None = None
    text: Annotated[Text | None, _optional("text")] = None


class Closing(Step):
    """What it was; `incident` closes all that is open of its incident with it."""

    reason: Resolution
    incident: bool | None = None


@router.post("/alerts/{alert}/acknowledge", response_model=schemas.AlertDetail, responses=_CONFLICT)
def acknowledge(alert: str, body: Step, person: Actor, services: Services) -> Answer:
    """Take the alert: nobody else is called, and the device is told that someone looks after it.

    The alerts of its incident that never paged because of this one are taken with it.
    """
    return _act(services, person, alert, "acknowledge", body)


@router.post("/alerts/{alert}/assign", response_model=schemas.AlertDetail, responses=_CONFLICT)
def assign(alert: str, body: Assignment, person: Actor, services: Services) -> Answer:
    """Hand the alert to someone."""
    return _act(services, person, alert, "assign", body)


@router.post("/alerts/{alert}/dispatch", response_model=schemas.AlertDetail, responses=_CONFLICT)
def dispatch(alert: str, body: Dispatch, person: Actor, services: Services) -> Answer:
    """Someone is on the way."""
    return _act(services, person, alert, "dispatch", body)


@router.post("/alerts/{alert}/arrive", response_model=schemas.AlertDetail, responses=_CONFLICT)
def arrive(alert: str, body: Step, person: Actor, services: Services) -> Answer:
    """Someone is with her."""
    return _act(services, person, alert, "arrive", body)


@router.post("/alerts/{alert}/note", response_model=schemas.AlertDetail, responses=_CONFLICT)
def note(alert: str, body: Note, person: Actor, services: Services) -> Answer:
    """Write something down."""
    return _act(services, person, alert, "note", body)


@router.post("/alerts/{alert}/verify", response_model=schemas.AlertDetail, responses=_CONFLICT)
def verify(alert: str, body: Verification, person: Actor, services: Services) -> Answer:
    """Say how sure it is that there is danger."""
    return _act(services, person, alert, "verify", body)


@router.post("/alerts/{alert}/resolve", response_model=schemas.AlertDetail, responses=_CONFLICT)
def resolve(alert: str, body: Closing, person: Actor, services: Services) -> Answer:
    """Close the alert with what it was; the device is told.

    What it answered for pages then, unless the whole incident is closed.
    """
    return _act(services, person, alert, "resolve", body)


def _act(services: Context, person: Person, alert: str, action: Action, body: Step | Note) -> Answer:
    scope, at_ms = Scope(person.org), services.clock.now_ms()
    detail = body.model_dump(exclude={"version"}, exclude_none=True)
    try:
        with services.database.writing() as connection:
            org = find_alert(connection, scope, alert).org
            _check_people(connection, org, detail)
            also = act(
                connection,
                alert,
                action,
                actor=person.login,
                version=body.version,
                detail=detail,
                at_ms=at_ms,
            )
            _audit(connection, person.login, action, at_ms, org, [alert, *also])
    except (Conflict, RefusedAction) as error:
        raise _overtaken(services, scope, alert, str(error)) from error
    services.wake()
    with services.database.reading() as connection:
        now = read_alert(connection, scope, alert)
    return Answer(views.alert_detail(now, services.clock.now_ms()))


def _audit(
    connection: Connection, login: str, action: Action, at_ms: int, org: str, moved: Sequence[str]
) -> None:
    """Put on the trail what was done with the first of `moved`, and what that did with the others."""
    alert, *also = moved
    append_audit(connection, actor=login, action=f"alert_{action}", at_ms=at_ms, org=org, subject=alert)
    for other in also:
        append_audit(
            connection,
            actor=login,
            action="alert_resolve" if action == "resolve" else "alert_acknowledge",
            at_ms=at_ms,
            org=org,
            subject=other,
            detail={"with": alert},
        )


def _check_people(connection: Connection, org: str, detail: dict[str, object]) -> None:
    """Refuse to hand an alert of `org` to someone who could not see it."""
    if detail.get("user") is not None and detail.get("responder") is not None:
        raise InvalidInput("user and responder are both given: expected one of them", "responder")
    above = lineage(connection, org)
    if (login := detail.get("user")) is not None:
        user = find_user(connection, str(login))
        if user is None or user.org not in above or user.role not in ACTS or user.disabled_ms is not None:
            raise InvalidInput(f"user {login!r} cannot take this alert: name one who may act on it", "user")
    if (responder := detail.get("responder")) is not None:
        known = list_responders(connection, orgs=above)
        if responder not in {each.id for each in known}:
            raise InvalidInput(f"responder {responder!r} is none of this alert's organisation", "responder")


def _overtaken(services: Context, scope: Scope, alert: str, reason: str) -> Problem:
    now_ms = services.clock.now_ms()
    with services.database.reading() as connection:
        current = find_alert(connection, scope, alert)
        mover = last_mover(connection, alert)
    return Problem(
        409,
        reason,
        kind="urn:vigil:problem:overtaken",
        current=views.alert(current, now_ms),
        by=mover.actor if mover else None,
        at=rfc3339(mover.at_ms) if mover else None,
    )
