"""Incidents: which alerts of a nurse belong together, and which of them page people. Pure, without a clock.

An incident bears the id of the alert that opened it. An open alert of it that is paged, or that a person has
taken, *answers* for those that are no worse: they are held, which means that nobody is paged again for them.
Whatever is in doubt pages. A held alert is released, and pages, as soon as nothing open answers for it.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from safety.domain.alert import OPEN_STATES
from safety.domain.policy import SEVERITIES

# How long an alert draws further ones to it, and how long what a person did with it answers for it and those.
WINDOW_S = 15 * 60.0
# How long help that is on its way, or there, answers for what comes up meanwhile.
UNDER_WAY_S = 60 * 60.0

CRIES_FOR_HELP: frozenset[str] = frozenset({"panic", "duress"})

Reason = Literal[
    # it pages by itself
    "opens",  # no incident of the nurse is going on
    "info_pages_nobody",  # the ladder leaves it to the screen: there is nothing to hold
    "duress_always_pages",  # it changes how help must come
    "panic_always_pages",  # nothing open answers for a panic but a panic or a duress
    "more_severe",  # it is worse than all that is open
    "nobody_answers",  # what is open is neither paged by now nor taken by anybody
    "taken_long_ago",  # what is open was taken, and nothing was done with it since
    # it is held
    "lead_is_paged",  # people are being paged for one that is at least as severe
    "lead_is_taken",  # somebody has taken one that is at least as severe
]


class Member(NamedTuple):
    """What an incident must know of an alert.

    `due_ms` is when the ladder looks at it next (None: never by itself), `acted_ms` when a person last did
    something with it, `held` says that another alert answers for it.
    """

    id: str
    incident: str
    kind: str
    severity: str
    state: str
    test: bool
    received_ms: int
    due_ms: int | None
    escalation_level: int = 0
    acted_ms: int | None = None
    held: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether people are not done with it."""
        return self.state in OPEN_STATES


class Joining(NamedTuple):
    """Which incident an alert belongs to, and whether it pages: `reason` says why or why not.

    `lead` is the alert that led the incident before (None: nothing of it is open), `held_by` the one that
    answers for the new alert (None: it pages by itself).
    """

    incident: str
    reason: Reason
    lead: str | None = None
    held_by: str | None = None


def join(new: Member, others: Iterable[Member]) -> Joining:
    """Decide on a `new` alert; `others` are alerts of the same nurse and organisation.

    A test never joins a real alert, nor the other way round.
    """
    mates = [other for other in others if other.test == new.test and other.id != new.id]
    carrying = [mate for mate in mates if _carries(mate, new)]
    if not carrying:
        return Joining(new.id, "opens")
    incident = max(carrying, key=lambda mate: (mate.received_ms, mate.id)).incident
    members = [mate for mate in mates if mate.incident == incident]
    lead = lead_of(members)
    answering = lead_of(mate for mate in members if _answers(mate, new, new.due_ms))
    if new.severity == "info":
        return Joining(incident, "info_pages_nobody", lead and lead.id)
    if answering is None:
        return Joining(incident, _why_it_pages(new, members), lead and lead.id)
    reason: Reason = "lead_is_paged" if answering.state == "raised" else "lead_is_taken"
    return Joining(incident, reason, answering.id, answering.id)


def lead_of(members: Iterable[Member]) -> Member | None:
    """Return the open alert that stands for all: the most severe, then a cry for help, then the oldest."""
    standing = [member for member in members if member.is_open and not member.held]
    return min(
        standing,
        key=lambda one: (-_rank(one), one.kind not in CRIES_FOR_HELP, one.received_ms, one.id),
        default=None,
    )


def released(members: Sequence[Member], at_ms: int) -> list[Member]:
    """Return the held alerts that nothing answers for any more, now that one of `members` was closed."""
    held = [member for member in members if member.held and member.state == "raised"]
    return [one for one in held if not any(_answers(mate, one, at_ms) for mate in members)]


def taken_with(taken: Member, members: Iterable[Member]) -> list[Member]:
    """Return the held alerts that whoever takes `taken` takes as well."""
    held = (member for member in members if member.held and member.state == "raised")
    return [one for one in held if one.id != taken.id and _covers(taken, one)]


def _carries(mate: Member, new: Member) -> bool:
    """Tell whether the incident of `mate` is still going on when `new` comes.

    What is only information does not keep it open: a low battery nobody closes would join whole shifts.
    """
    if abs(new.received_ms - mate.received_ms) <= WINDOW_S * 1000:
        return True
    return mate.is_open and mate.severity != "info"


def _answers(mate: Member, other: Member, by_ms: int | None) -> bool:
    """Tell whether `mate` makes paging for `other`, which would be due `by_ms`, unnecessary."""
    if not mate.is_open or mate.held or mate.id == other.id or not _covers(mate, other):
        return False
    if mate.state == "raised":
        return _is_paged(mate, by_ms)
    if other.kind in CRIES_FOR_HELP and mate.state == "acknowledged":
        return False  # she calls again after somebody said they would see to it
    return not _is_forgotten(mate, other)


def _covers(mate: Member, other: Member) -> bool:
    if other.kind == "duress":
        return False
    if other.kind == "panic" and mate.kind not in CRIES_FOR_HELP:
        return False
    return _rank(mate) >= _rank(other)


def _is_paged(mate: Member, by_ms: int | None) -> bool:
    """Tell whether people are paged for `mate` no later than `by_ms`."""
    if mate.due_ms is None:
        return False
    return mate.escalation_level > 0 or (by_ms is not None and mate.due_ms <= by_ms)


def kept_until_ms(members: Iterable[Member]) -> int | None:
    """Return until when what people did with `members` counts as progress (None: nobody has taken any)."""
    taken = (member for member in members if member.is_open and member.state != "raised")
    return max((ms for member in taken if (ms := _lasts_until_ms(member)) is not None), default=None)


def _is_forgotten(mate: Member, other: Member) -> bool:
    until_ms = _lasts_until_ms(mate)
    return until_ms is None or other.received_ms > until_ms


def _lasts_until_ms(taken: Member) -> int | None:
    if taken.acted_ms is None:
        return None
    lasts_s = WINDOW_S if taken.state == "acknowledged" else UNDER_WAY_S
    return taken.acted_ms + round(lasts_s * 1000)


def _why_it_pages(new: Member, members: Sequence[Member]) -> Reason:
    standing = [member for member in members if member.is_open and not member.held]
    if new.kind == "duress":
        return "duress_always_pages"
    if standing and all(_rank(member) < _rank(new) for member in standing):
        return "more_severe"
    if new.kind == "panic":
        return "panic_always_pages"
    taken = [member for member in standing if member.state != "raised" and _covers(member, new)]
    return "taken_long_ago" if taken else "nobody_answers"


def _rank(member: Member) -> int:
    """Return how severe it is; a severity we cannot place is the worst."""
    known = member.severity in SEVERITIES
    return SEVERITIES.index(member.severity) if known else len(SEVERITIES)
