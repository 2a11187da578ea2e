"""Policies: who is told of an organisation's alerts, and after how long the next."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body, Change
from safety.api.context import Context, Services
from safety.api.paging import PageById
from safety.api.people import Editor, Seen
from safety.domain.policy import PagingSeverity
from safety.domain.policy_import import parse_policy
from safety.store.master_queries import list_master, read_master
from safety.store.policies import apply_policy
from safety.store.sessions import Person
from safety.store.tables import policies as table

router = APIRouter(tags=["master data"])


class TierBody(Body):
    """Who is told `after_s` seconds after the tier before: responders by id or name.

    The first tier is told at once, whatever its `after_s`. Alerts below `min_severity` pass the tier by.
    """

    after_s: Annotated[float, Field(ge=0)] = 0.0
    responders: list[str]
    min_severity: PagingSeverity = "warning"


class NewPolicy(Body):
    """The policy of an organisation; it has one, so this one takes the place of any before."""

    name: str
    tiers: list[TierBody]
    org: str | None = None


class PolicyChange(Change):
    """What is to change of a policy."""

    name: str = ""
    tiers: list[TierBody] = Field(default_factory=list)


@router.get("/policies", response_model=schemas.Page[schemas.Policy])
def policies(page: PageById, scope: Seen, services: Services) -> Answer:
    """Return escalation policies."""
    with services.database.reading() as connection:
        return list_answer(list_master(connection, scope, table, page), views.policy)


@router.get("/policies/{policy}", response_model=schemas.Policy)
def policy_detail(policy: str, scope: Seen, services: Services) -> Answer:
    """Return one escalation policy."""
    with services.database.reading() as connection:
        return Answer(views.policy(read_master(connection, scope, table, policy)))


@router.post("/policies", status_code=201, response_model=schemas.Policy)
def put_policy(body: NewPolicy, person: Editor, scope: Seen, services: Services) -> Answer:
    """Give an organisation its escalation policy."""
    org = body.org or person.org
    tiers = [tier.model_dump() for tier in body.tiers]
    with services.database.writing() as connection:
        scope.require(connection, org)
        policy = _apply(connection, services, person, org, body.name, tiers)
        return Answer(views.policy(read_master(connection, scope, table, policy)), 201)


@router.patch("/policies/{policy}", response_model=schemas.Policy)
def change_policy(policy: str, body: PolicyChange, person: Editor, scope: Seen, services: Services) -> Answer:
    """Change an escalation policy."""
    given = body.model_dump(include=body.model_fields_set)
    with services.database.writing() as connection:
        known = read_master(connection, scope, table, policy)
        wanted = {"name": known.name, "tiers": known.tiers, **given}
        _apply(connection, services, person, known.org, wanted["name"], wanted["tiers"])
        return Answer(views.policy(read_master(connection, scope, table, policy)))


def _apply(
    connection: Connection,
    services: Context,
    person: Person,
    org: str,
    name: str,
    tiers: list[dict[str, object]],
) -> str:
    given = [{"after": tier["after_s"]} | {k: v for k, v in tier.items() if k != "after_s"} for tier in tiers]
    draft = parse_policy({"org": org, "name": name, "tiers": given})
    policy, _ = apply_policy(connection, draft, actor=person.login, at_ms=services.clock.now_ms())
    return policy.id
