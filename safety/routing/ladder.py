"""The escalation ladder: who is told now, why, and when to look again. Pure: the time is a parameter.

Whatever is missing or odd leads to more people being told, not fewer.
"""

from collections.abc import Iterable

import msgspec

from safety.domain.alert import OPEN_STATES
from safety.domain.policy import (
    NOBODY,
    REPEAT_AFTER_S,
    AlertFacts,
    Decision,
    EscalationPolicy,
    Reason,
    Responder,
    Roster,
    Target,
    pause_s,
)


def decide(alert: AlertFacts, policy: EscalationPolicy | None, roster: Roster, now_ms: int) -> Decision:
    """Return what is to be done about `alert` at `now_ms`.

    An open alert nobody has taken always has a next time to look, unless its reason is one of
    `info_pages_nobody`, `test_pages_nobody` and `policy_pages_nobody`.
    """
    if alert.state == "acknowledged" and alert.kept_until_ms is not None:
        return _keep(alert, alert.kept_until_ms, now_ms)
    settled = _settled(alert, policy)
    if settled is not None:
        return Decision(reason=settled, level=alert.escalation_level, next_due_ms=None)
    if alert.due_ms is not None and alert.due_ms > now_ms:
        return Decision(reason="waiting", level=alert.escalation_level, next_due_ms=alert.due_ms)
    if policy is None or not policy.steps(alert.severity):
        without: Reason = "no_tier" if policy is not None and policy.tiers else "no_policy"
        return _tell_everyone(alert, without, roster, now_ms)
    return _climb(alert, policy, roster, now_ms)


def _keep(alert: AlertFacts, until_ms: int, now_ms: int) -> Decision:
    """Return whether an alert that somebody has taken is in good hands still; if not, it starts anew."""
    if until_ms > now_ms:
        return Decision(reason="acknowledged", level=alert.escalation_level, next_due_ms=until_ms)
    return Decision(reason="no_progress", level=0, next_due_ms=now_ms)


def _settled(alert: AlertFacts, policy: EscalationPolicy | None) -> Reason | None:
    """Return why nobody has to be told now or later, if so."""
    if alert.state not in OPEN_STATES:
        return "closed"
    if alert.state != "raised":
        return "acknowledged"
    if alert.test:
        return "test_pages_nobody"
    if alert.severity == "info":
        return "info_pages_nobody"
    # A policy may leave warnings to the screen; it cannot mute what is worse.
    if alert.severity == "warning" and policy is not None and policy.tiers and not policy.steps("warning"):
        return "policy_pages_nobody"
    return None


def _climb(alert: AlertFacts, policy: EscalationPolicy, roster: Roster, now_ms: int) -> Decision:
    steps = policy.steps(alert.severity)
    ahead = [index for index in steps if index >= alert.escalation_level]
    here = ahead[0] if ahead else steps[-1]
    level = max(alert.escalation_level, here + 1)
    tier = policy.tiers[here]
    people = [roster.by_id[name] for name in tier.responders if name in roster.by_id]
    reachable = roster.reachable
    missing = tuple(name for name in tier.responders if name not in reachable)
    reason: Reason = "no_responders" if len(missing) == len(tier.responders) else "notify_tier"
    if not ahead:
        reason = _once_more(alert)
    decision = _tell(
        reason,
        people if reason == "notify_tier" else (*people, *roster.everyone),
        tier=here + 1,
        level=level,
        due_ms=now_ms + round(pause_s(policy, alert.severity, level) * 1000),
    )
    return msgspec.structs.replace(decision, missing=missing)


def _tell_everyone(alert: AlertFacts, without: Reason, roster: Roster, now_ms: int) -> Decision:
    return _tell(
        _once_more(alert) if alert.escalation_level else without,
        roster.everyone,
        tier=1,
        level=max(alert.escalation_level, 1),
        due_ms=now_ms + round(REPEAT_AFTER_S * 1000),
    )


def _once_more(alert: AlertFacts) -> Reason:
    """Return why everybody is told when all tiers were."""
    return "all_refused" if alert.refused else "exhausted"


def _tell(reason: Reason, people: Iterable[Responder], *, tier: int, level: int, due_ms: int) -> Decision:
    """Return the decision to tell `people` by all of their channels; the log, where there are none."""
    told = (Target(person.id, channel) for person in people for channel in person.channels)
    targets = tuple(dict.fromkeys(told))
    if not targets:
        reason, targets = "nobody_to_tell", (NOBODY,)
    return Decision(reason=reason, level=level, next_due_ms=due_ms, tier=tier, targets=targets)
