"""What a change of policies or people means for the alerts that people are being paged for."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, select, update

from safety.domain.notice import not_sent
from safety.domain.policy import LOG, EscalationPolicy, Responder, Roster, Target, pause_s
from safety.store.ladders import ladder_of
from safety.store.queries import Scope
from safety.store.tables import alerts, notifications
from safety.store.timeline import last_paging


def page_afresh(connection: Connection, org: str, now_ms: int) -> None:
    """Have the ladder look at what is being paged in `org`, and below it, by what holds now.

    Where somebody whose turn it was has never been tried, their whole tier is due at once, or everybody if
    everybody was told. Otherwise nobody is told for it: only the time of the next look follows the policy.
    """
    paged = select(alerts).where(
        Scope(org).covers(alerts.c.org),
        alerts.c.due_ms > now_ms,
        alerts.c.state == "raised",
        alerts.c.escalation_level > 0,
    )
    rows = connection.execute(paged.order_by(alerts.c.id).with_for_update(of=alerts)).all()
    ladders = {known: ladder_of(connection, known) for known in {row.org for row in rows}}
    for row in rows:
        change = update(alerts).where(alerts.c.id == row.id)
        level, due_ms = _next_look(connection, row, *ladders[row.org])
        connection.execute(change.values(escalation_level=level, due_ms=max(now_ms, due_ms)))


def stop_notices(connection: Connection, responder: str, channels: Collection[str]) -> None:
    """Stop what is still being sent to a responder by other channels than those they have now."""
    gone = select(notifications).where(
        notifications.c.due_ms.is_not(None),
        notifications.c.responder == responder,
        notifications.c.channel.not_in(channels),
    )
    for row in connection.execute(gone).all():
        why = not_sent("the address changed", row.attempts, row.error)
        stopped = update(notifications).where(notifications.c.id == row.id)
        connection.execute(stopped.values(state="failed", due_ms=None, error=why))


def _next_look(
    connection: Connection, alert: Row[Any], policy: EscalationPolicy | None, roster: Roster
) -> tuple[int, int]:
    """Return how many tiers count as told, and when the ladder is to look; 0 is at once."""
    sent = select(notifications.c.responder, notifications.c.channel)
    tried = {Target(*row) for row in connection.execute(sent.where(notifications.c.alert == alert.id))}
    for index in policy.steps(alert.severity) if policy is not None else ():
        tier = policy.tiers[index].responders if policy is not None else ()
        if index < alert.escalation_level and _waits(map(roster.by_id.get, tier), tried):
            return index, 0
    last = last_paging(connection, alert.id)
    if last is None:
        return alert.escalation_level, alert.due_ms
    if last.detail["reason"] != "notify_tier" and _waits(roster.everyone, tried):
        return alert.escalation_level, 0
    wait_ms = round(pause_s(policy, alert.severity, alert.escalation_level) * 1000)
    return alert.escalation_level, last.at_ms + wait_ms


def _waits(people: Iterable[Responder | None], tried: Collection[Target]) -> bool:
    """Tell whether somebody of `people` can be reached, and was never tried."""
    return any(
        person is not None
        and person.reachable
        and not any(Target(person.id, channel) in tried for channel in person.channels if channel != LOG)
        for person in people
    )
