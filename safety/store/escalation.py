"""The ladder's rows: alerts that routing must look at, and what it decided on them."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, select, update

from devices.identity import derived_id
from safety.domain.alert import TimelineWord
from safety.domain.policy import LOG, NOBODY, AlertFacts, Decision, EscalationPolicy, Roster, Target
from safety.store.incidents import kept_until
from safety.store.ladders import ladder_of
from safety.store.once import insert_once
from safety.store.tables import alerts, notifications, timeline
from safety.store.timeline import bump, last_paging, write_entry

# Built once, as all that is run for every alert: to build a statement takes longer than to run it.
_NEXT = select(func.min(alerts.c.due_ms))
_ALERT_OF = select(notifications.c.alert).where(notifications.c.id == bindparam("notification"))


class DueAlert(NamedTuple):
    """An alert to decide on, with its organisation's policy (None: none that can be read) and people.

    `round` names the look at it: no two looks at an alert share its version, how far it had climbed and the
    time they were due.
    """

    id: str
    round: str
    facts: AlertFacts
    policy: EscalationPolicy | None
    roster: Roster


def next_look_ms(connection: Connection) -> int | None:
    """Return when the next alert is due, None if none is."""
    return connection.execute(_NEXT).scalar()


def take_due_alerts(connection: Connection, now_ms: int, limit: int) -> list[DueAlert]:
    """Return at most `limit` due alerts, longest due first, as they are now.

    Their rows stay locked until the transaction ends, so an acknowledgement comes either before and is
    seen here, or after what is decided here. Rows that another worker holds are passed by.
    """
    rows = connection.execute(_due(), {"now_ms": now_ms, "most": limit}).all()
    ladders = {org: ladder_of(connection, org) for org in {row.org for row in rows}}
    return [
        DueAlert(
            row.id,
            f"{row.version}/{row.escalation_level}/{row.due_ms}",
            AlertFacts(
                row.state,
                row.severity,
                row.test,
                row.escalation_level,
                row.due_ms,
                refused=row.escalation_level > 0 and _refused(connection, row.id),
                kept_until_ms=kept_until(connection, row) if row.state == "acknowledged" else None,
            ),
            *ladders[row.org],
        )
        for row in rows
    ]


def apply_decision(connection: Connection, due: DueAlert, decision: Decision, now_ms: int) -> None:
    """Store what was decided on an alert, in the transaction that took it.

    Whoever is to be told becomes a pending notification, the alert its next time to look; the timeline
    says what and why. The version stays: telling people is no reason to refuse what a dispatcher does.
    """
    if decision.reason == "waiting":
        return
    if decision.reason == "no_progress":
        _raise_again(connection, due, decision, now_ms)
        return
    change: dict[str, object] = {"due_ms": decision.next_due_ms}
    if decision.tells:
        change["escalation_level"] = decision.level
        _notify(connection, due, decision, now_ms)
    connection.execute(update(alerts).where(alerts.c.id == due.id).values(change))
    for what, detail in _entries(connection, due, decision):
        entry = derived_id(due.id, what, "ladder", due.round)
        insert_once(
            connection,
            timeline,
            [{"id": entry, "alert": due.id, "at_ms": now_ms, "what": what, "actor": None, "detail": detail}],
        )


def hand_over(connection: Connection, notification: str, now_ms: int) -> bool:
    """Make whoever comes next due at once if nobody told last can be told any more; tell whether it was.

    Call it when `notification` failed for good. It never shortens the time until everybody is told again.
    """
    alert_id = connection.execute(_ALERT_OF, {"notification": notification}).scalar_one()
    if not _refused(connection, alert_id):
        return False
    alert = connection.execute(select(alerts).where(alerts.c.id == alert_id).with_for_update()).one()
    if alert.state != "raised" or alert.due_ms is None or alert.due_ms <= now_ms:
        return False
    policy, _ = ladder_of(connection, alert.org)
    ahead = policy.tiers[alert.escalation_level :] if policy is not None else ()
    if not any(tier.takes(alert.severity) for tier in ahead) and _told_everyone(connection, alert_id):
        return False
    connection.execute(update(alerts).where(alerts.c.id == alert.id).values(due_ms=now_ms))
    return True


def _refused(connection: Connection, alert_id: str) -> bool:
    """Tell whether all that those told last were sent has failed for good; a line of the log tells nobody."""
    of_alert = notifications.c.alert == alert_id
    newest_first = (notifications.c.created_ms.desc(), notifications.c.tier.desc())
    last = select(notifications.c.created_ms, notifications.c.tier).where(of_alert).order_by(*newest_first)
    told = connection.execute(last.limit(1)).first()
    if told is None:
        return False
    # What was still being tried when they were told is of their tier now: see `_notify`.
    still_trying = notifications.c.due_ms.is_not(None) & (notifications.c.tier == told.tier)
    of_them = of_alert & ((notifications.c.created_ms == told.created_ms) | still_trying)
    states = select(notifications.c.state).where(of_them, notifications.c.channel != LOG).distinct()
    return connection.execute(states).scalars().all() == ["failed"]


def _told_everyone(connection: Connection, alert_id: str) -> bool:
    """Tell whether the ladder told everybody when it last told anybody."""
    last = last_paging(connection, alert_id)
    return last is not None and last.detail["reason"] != "notify_tier"


def _raise_again(connection: Connection, due: DueAlert, decision: Decision, now_ms: int) -> None:
    """Set an alert back that somebody had taken; who it was is on the timeline."""
    text = "nobody went on with it after it was taken: people are paged anew"
    detail = {"reason": decision.reason, "text": text}
    entry = derived_id(due.id, "lapsed", due.round)
    write_entry(connection, due.id, entry, now_ms, "lapsed", None, detail)
    anew = {"state": "raised", "escalation_level": decision.level, "owner": None}
    bump(connection, due.id, anew | {"due_ms": decision.next_due_ms})


@cache
def _due() -> Select[Any]:
    due = select(alerts).where(alerts.c.due_ms <= bindparam("now_ms"))
    ordered = due.order_by(alerts.c.due_ms, alerts.c.id).limit(bindparam("most"))
    return ordered.with_for_update(skip_locked=True)


def _notify(connection: Connection, due: DueAlert, decision: Decision, now_ms: int) -> None:
    trying = select(notifications).where(notifications.c.alert == due.id, notifications.c.due_ms.is_not(None))
    going = {Target(row.responder, row.channel): row.id for row in connection.execute(trying)}
    again = [going[target] for target in decision.targets if target in going]
    if again:  # the same notice, under the same key: a channel that is out must not gather them
        renewal = update(notifications).where(notifications.c.id.in_(again))
        connection.execute(renewal.values(due_ms=now_ms, tier=decision.tier))
    rows = [
        {
            "id": derived_id(due.id, due.round, str(decision.tier), target.responder, target.channel),
            "alert": due.id,
            "responder": target.responder,
            "channel": target.channel,
            "tier": decision.tier,
            "state": "pending",
            "attempts": 0,
            "created_ms": now_ms,
            "due_ms": now_ms,
        }
        for target in decision.targets
        if target not in going
    ]
    if rows:
        insert_once(connection, notifications, rows)


def _entries(
    connection: Connection, due: DueAlert, decision: Decision
) -> list[tuple[TimelineWord, dict[str, Any]]]:
    """Return the timeline's (what, detail) for a decision."""
    if decision.reason == "test_pages_nobody":
        text = "a test alarm is on the screen only: nobody is paged"
        return [("note", {"reason": decision.reason, "text": text})]
    if not decision.tells:
        return []
    names = dict.fromkeys(each.responder for each in decision.targets if each != NOBODY)
    told = [name for name in names if name not in decision.missing]
    detail: dict[str, Any] = {"tier": decision.tier, "reason": decision.reason, "responders": told}
    detail["names"] = [due.roster.by_id[id].name for id in told if id in due.roster.by_id]
    if decision.missing:
        detail["unreachable"] = list(decision.missing)
    if decision.reason == "nobody_to_tell":
        text = "no responder of the organisation has a channel: nobody could be told"
        failed = {"reason": decision.reason, "text": text, "channel": NOBODY.channel}
        return [("escalated", detail), ("notify_failed", failed)]
    if decision.reason in ("exhausted", "all_refused"):
        past = select(func.count()).where(timeline.c.alert == due.id, timeline.c.what == "exhausted")
        return [("exhausted", detail | {"round": connection.execute(past).scalar_one() + 1})]
    return [("escalated", detail)]
