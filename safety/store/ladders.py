"""An organisation's ladder: the policy and the people that hold for it, its own or those above it."""

from typing import Any

from sqlalchemy import Connection, bindparam, select

from safety.domain.policy import EscalationPolicy, Responder, Roster, read_tiers
from safety.errors import InvalidInput
from safety.store.tables import orgs, policies, responders

# Built once, as all that is run for every alert: to build a statement takes longer than to run it.
_ORGS = select(orgs.c.id, orgs.c.parent)
_POLICIES = select(policies).where(policies.c.org.in_(bindparam("chain", expanding=True)))
_RESPONDERS = (
    select(responders)
    .where(responders.c.org.in_(bindparam("chain", expanding=True)))
    .order_by(responders.c.created_ms, responders.c.id)
)


def ladder_of(connection: Connection, org: str) -> tuple[EscalationPolicy | None, Roster]:
    """Return an organisation's policy and people; what it lacks comes from those above it."""
    chain = _chain(connection, org)
    links = {"chain": chain}
    tiers_of = {row.org: row for row in connection.execute(_POLICIES, links)}
    policy = next((_policy(tiers_of[link]) for link in chain if link in tiers_of), None)
    people: dict[str, list[Responder]] = {link: [] for link in chain}
    for row in connection.execute(_RESPONDERS, links):
        people[row.org].append(Responder(id=row.id, name=row.name, channels=tuple(row.channels)))
    by_id = {person.id: person for link in chain for person in people[link]}
    everyone: list[Responder] = []
    for link in chain:
        everyone += people[link]
        if any(person.reachable for person in people[link]):
            break
    return policy, Roster(by_id, tuple(everyone))


def _chain(connection: Connection, org: str) -> list[str]:
    """Return `org` and the organisations above it, nearest first."""
    parents: dict[str, str | None] = {row.id: row.parent for row in connection.execute(_ORGS)}
    chain = [org]
    while (parent := parents.get(chain[-1])) is not None and parent not in chain:
        chain.append(parent)
    return chain


def _policy(row: Any) -> EscalationPolicy | None:
    try:
        return EscalationPolicy(id=row.id, org=row.org, name=row.name, tiers=read_tiers(row.tiers))
    except InvalidInput:
        return None  # the ladder tells everybody then, and the timeline says `no_policy`
