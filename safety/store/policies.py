"""Escalation policies: who is told of an organisation's alerts, and after how long the next."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from devices.identity import new_id
from safety.domain.policy_import import PolicyDraft
from safety.errors import InvalidInput, NotFound
from safety.store.afresh import page_afresh
from safety.store.changes import record_change
from safety.store.orgs import lineage
from safety.store.responders import Responder, list_responders
from safety.store.tables import policies

_COLUMNS = (policies.c.id, policies.c.org, policies.c.name, policies.c.tiers)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy; its tiers are `{"after_s": since the tier before, "responders": [ids]}`."""

    id: str
    org: str
    name: str
    tiers: list[dict[str, Any]]


def apply_policy(
    connection: Connection, draft: PolicyDraft, *, actor: str, at_ms: int
) -> tuple[Policy, bool]:
    """Make `draft` the policy of its organisation; return it, and whether that changed anything.

    Raises:
        NotFound: there is no such organisation or responder.
        InvalidInput: a name belongs to several responders.
    """
    # The nearest first: its own responder comes before one of the same name above it.
    line = lineage(connection, draft.org)
    known = sorted(list_responders(connection, orgs=line), key=lambda responder: line.index(responder.org))
    tiers: list[dict[str, Any]] = []
    for index, tier in enumerate(draft.tiers):
        field = f"tiers.{index}.responders"
        responders = dict.fromkeys(_resolve(name, known, draft.org, field) for name in tier.responders)
        told = {"after_s": tier.after_s, "responders": list(responders)}
        tiers.append(told | ({} if tier.min_severity == "warning" else {"min_severity": tier.min_severity}))
    old = find_policy(connection, draft.org)
    policy = Policy(id=old.id if old else new_id("pol"), org=draft.org, name=draft.name, tiers=tiers)
    if policy == old:
        return policy, False
    values = {"name": policy.name, "tiers": tiers, "updated_ms": at_ms}
    if old:
        connection.execute(policies.update().where(policies.c.id == old.id).values(values))
    else:
        connection.execute(policies.insert().values(id=policy.id, org=policy.org, **values))
    record_change(connection, "policy_applied", policy.id, org=policy.org, actor=actor, at_ms=at_ms)
    page_afresh(connection, policy.org, at_ms)
    return policy, True


def find_policy(connection: Connection, org: str) -> Policy | None:
    """Return the organisation's own policy, or None if it has none."""
    row = connection.execute(select(*_COLUMNS).where(policies.c.org == org)).first()
    return Policy(**row._mapping) if row else None


def list_policies(connection: Connection, *, orgs: Collection[str] | None = None) -> list[Policy]:
    """Return the policies of `orgs` (None: of all) by id."""
    statement = select(*_COLUMNS).order_by(policies.c.id)
    if orgs is not None:
        statement = statement.where(policies.c.org.in_(orgs))
    return [Policy(**row._mapping) for row in connection.execute(statement)]


def _resolve(wanted: str, known: list[Responder], org: str, field: str) -> str:
    if any(responder.id == wanted for responder in known):
        return wanted
    named = [responder for responder in known if responder.name == wanted]
    if not named:
        raise NotFound(f"no responder {wanted!r} in {org} or above it: see `vigil responder list`")
    if len(named) > 1 and named[0].org == named[1].org:
        raise InvalidInput(f"several responders are called {wanted!r}: expected the id of one", field)
    return named[0].id
