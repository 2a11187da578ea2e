"""The escalation ladder: who is told now, why, and when to look again. Pure: the time is a parameter.

Whatever is missing or odd leads to more people being told, not fewer.
"""

from collections.abc import Iterable, Sequence

from safety.domain.alert import OPEN_STATES
from safety.domain.policy import (
    NOBODY,
    AlertFacts,
    Decision,
    EscalationPolicy,
    Reason,
    Responder,
    Roster,
    Target,
    Tier,
)

# How long people are left in peace when there is no tier left, before everybody is told again.
REPEAT_AFTER_S = 120.0


def decide(alert: AlertFacts, policy: EscalationPolicy | None, roster: Roster, now_ms: int) -> Decision:
    """Return what is to be done about `alert` at `now_ms`.

    An open alert nobody has taken always has a next time to look, unless its reason is one of
    `info_pages_nobody`, `test_pages_nobody` and `policy_pages_nobody`.
    """
    settled = _settled(alert, policy)
    if settled is not None:
        return Decision(reason=settled, level=alert.escalation_level, next_due_ms=None)
    if alert.due_ms is not None and alert.due_ms > now_ms:
        return Decision(reason="waiting", level=alert.escalation_level, next_due_ms=alert.due_ms)
    steps = _steps(alert, policy)
    if policy is None or not steps:
        return _tell_everyone(alert, roster, now_ms)
    return _climb(alert, policy.tiers, steps, roster, now_ms)


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
    if alert.severity == "warning" and policy is not None and policy.tiers and not _steps(alert, policy):
        return "policy_pages_nobody"
    return None


def _steps(alert: AlertFacts, policy: EscalationPolicy | None) -> list[int]:
    """Return the indices of the tiers whose business the alert is."""
    tiers = policy.tiers if policy is not None else ()
    return [index for index, tier in enumerate(tiers) if tier.takes(alert.severity)]


def _climb(
    alert: AlertFacts, tiers: Sequence[Tier], steps: Sequence[int], roster: Roster, now_ms: int
) -> Decision:
    ahead = [index for index in steps if index >= alert.escalation_level]
    here = ahead[0] if ahead else steps[-1]
    tier = tiers[here]
    wait_s = tiers[ahead[1]].after_s if len(ahead) > 1 else max(tier.after_s, REPEAT_AFTER_S)
    missing = tuple(
        name for name in tier.responders if name not in roster.by_id or not roster.by_id[name].channels
    )
    people = [roster.by_id[name] for name in tier.responders if name not in missing]
    reason: Reason = "notify_tier" if people else "no_responders"
    if not ahead:
        reason = _once_more(alert)
    targets = _targets(people if reason == "notify_tier" else (*people, *roster.everyone))
    return Decision(
        reason=_reason(reason, targets, roster),
        level=max(alert.escalation_level, here + 1),
        next_due_ms=now_ms + round(wait_s * 1000),
        tier=here + 1,
        targets=targets or (NOBODY,),
        missing=missing,
    )


def _tell_everyone(alert: AlertFacts, roster: Roster, now_ms: int) -> Decision:
    targets = _targets(roster.everyone)
    reason: Reason = _once_more(alert) if alert.escalation_level else "no_policy"
    return Decision(
        reason=_reason(reason, targets, roster),
        level=max(alert.escalation_level, 1),
        next_due_ms=now_ms + round(REPEAT_AFTER_S * 1000),
        tier=1,
        targets=targets or (NOBODY,),
    )


def _once_more(alert: AlertFacts) -> Reason:
    """Return why everybody is told when all tiers were."""
    return "all_refused" if alert.refused else "exhausted"


def _reason(reason: Reason, targets: Sequence[Target], roster: Roster) -> Reason:
    return reason if targets or _targets(roster.everyone) else "nobody_to_tell"


def _targets(responders: Iterable[Responder]) -> tuple[Target, ...]:
    """Return one target per responder and channel, each once."""
    told = (Target(responder.id, channel) for responder in responders for channel in responder.channels)
    return tuple(dict.fromkeys(told))
