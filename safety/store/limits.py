"""The rules' limits, as organisations and visits set them; what is not set comes from the one above."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, literal, select

from safety.domain.limits import DEFAULTS, LIMITS, LimitValue, checked_limits, resolve
from safety.errors import InvalidInput
from safety.store.changes import record_change, replan_nurse
from safety.store.orgs import find_org, lineage
from safety.store.tables import limits, nurses, orgs, plan_changes
from safety.store.upsert import replace
from safety.store.visits import find_visit

_OWN = select(limits.c.subject, limits.c.changes).where(
    limits.c.subject.in_(bindparam("subjects", expanding=True))
)


def limits_of_org(connection: Connection, org: str) -> dict[str, LimitValue]:
    """Return what holds in `org` beside the defaults: its own limits, else those of the nearest above it.

    Raises:
        NotFound: there is no such organisation.
    """
    line = lineage(connection, org)
    own = limits_of_visits(connection, line)
    merged: dict[str, LimitValue] = {}
    for above in reversed(line):
        merged |= own.get(above, {})
    return dict(sorted(merged.items()))


def limits_during(connection: Connection, visit: str) -> dict[str, LimitValue]:
    """Return what holds during a visit beside the defaults, with what its risk makes of it.

    Raises:
        NotFound: there is no such visit.
    """
    known = find_visit(connection, visit)
    ours = limits_of_org(connection, known.org)
    own = limits_of_visits(connection, [visit]).get(visit, {})
    in_force = msgspec.structs.asdict(resolve(ours, own, known.risk))
    told = {*ours, *own}
    return {n: value for n, value in in_force.items() if n in told or value != getattr(DEFAULTS, n)}


def limits_of_visits(connection: Connection, subjects: Sequence[str]) -> dict[str, dict[str, LimitValue]]:
    """Return what each of `subjects` (visits or organisations) set itself, if it did."""
    found = connection.execute(_OWN, {"subjects": list(subjects)})
    return {row.subject: dict(row.changes) for row in found}


def set_org_limits(
    connection: Connection,
    org: str,
    changes: Mapping[str, Any],
    unset: Collection[str] = (),
    *,
    actor: str,
    at_ms: int,
) -> dict[str, LimitValue]:
    """Set limits of `org`, let others come from above again, and return what holds now.

    Raises:
        InvalidInput: a limit is unknown, or its value cannot be used.
        NotFound: there is no such organisation.
    """
    inherited = _inherited(connection, find_org(connection, org).parent)
    _set(connection, org, changes, unset, inherited, at_ms)
    below = _with_those_below(connection, org)
    hers = select(nurses.c.id, literal(None)).where(nurses.c.org.in_(below))
    connection.execute(plan_changes.insert().from_select(["nurse", "org"], hers))
    detail = {"changed": sorted({*changes, *unset})}
    record_change(connection, "limits_changed", org, org=org, actor=actor, at_ms=at_ms, detail=detail)
    return limits_of_org(connection, org)


def set_visit_limits(
    connection: Connection,
    visit: str,
    changes: Mapping[str, Any],
    unset: Collection[str] = (),
    *,
    actor: str,
    at_ms: int,
) -> dict[str, LimitValue]:
    """Set limits of one visit and return all that it has of its own.

    Raises:
        InvalidInput: a limit is unknown, or its value cannot be used.
        NotFound: there is no such visit.
    """
    known = find_visit(connection, visit)
    _set(connection, visit, changes, unset, limits_of_org(connection, known.org), at_ms)
    replan_nurse(connection, known.nurse)
    detail = {"nurse": known.nurse, "changed": sorted({*changes, *unset})}
    record_change(connection, "limits_changed", visit, org=known.org, actor=actor, at_ms=at_ms, detail=detail)
    return limits_of_visits(connection, [visit]).get(visit, {})


def _set(
    connection: Connection,
    subject: str,
    changes: Mapping[str, Any],
    unset: Collection[str],
    inherited: Mapping[str, LimitValue],
    at_ms: int,
) -> None:
    unknown = sorted({*unset} - {*LIMITS})
    if unknown:
        raise InvalidInput(
            f"limit {unknown[0][:80]!r} is unknown: see `vigil org limits`", f"limits.{unknown[0][:80]}"
        )
    both = sorted({*changes} & {*unset})
    if both:
        raise InvalidInput(f"{', '.join(both)} cannot be set and unset: expected one of them")
    own = limits_of_visits(connection, [subject]).get(subject, {})
    kept = {name: value for name, value in own.items() if name not in unset}
    checked = checked_limits({**inherited, **kept, **changes})
    ours = {name: checked[name] for name in sorted({*kept, *changes})}
    row = {"subject": subject, "changes": ours, "updated_ms": at_ms}
    replace(connection, limits, [row], key=["subject"], columns=["changes", "updated_ms"])


def _inherited(connection: Connection, parent: str | None) -> dict[str, LimitValue]:
    return {} if parent is None else limits_of_org(connection, parent)


def _with_those_below(connection: Connection, org: str) -> list[str]:
    """Return the ids of `org` and of all below it."""
    found = [org]
    for above in found:  # grows as it goes
        below = connection.execute(select(orgs.c.id).where(orgs.c.parent == above)).scalars()
        found += [id for id in below if id not in found]
    return found
