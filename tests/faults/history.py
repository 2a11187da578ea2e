"""History: what devices and people were told, held against what the house has. Pure.

To the faults of the checker it adds what people do and are told: deeds, ladders, and what a replay says.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.faults.checker import Fault, Kept, Told, faults
from tests.faults.desk import Deed

_ENTRIES = {"acknowledge": "acknowledged", "note": "note", "resolve": "resolved"}


class Ladder(NamedTuple):
    """How an alert's people were told of it: `by` names those notices that were sent.

    `taken`: a person had taken it, or closed it, before. `held_by`: the alert that answers for it.
    """

    alert: str
    by: frozenset[str] = frozenset()
    taken: bool = False
    held_by: str | None = None


@dataclass
class Seen:
    """What people were told: deeds that were answered, and the notices that reached somebody."""

    deeds: list[Deed] = field(default_factory=list)
    notices: set[str] = field(default_factory=set)


@dataclass
class Stored:
    """What the store has of people: entries and audit records by (alert, what), texts of notes, ladders.

    `replayed` are the alerts that the log raises when it is run from its beginning, `raised` those in the
    store, `joined` those that were noted on another; `differences` is what else a replay says otherwise.
    """

    entries: Counter[tuple[str, str]] = field(default_factory=Counter)
    audited: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: set[str] = field(default_factory=set)
    ladders: Sequence[Ladder] = ()
    replayed: Collection[str] = ()
    raised: Collection[str] = ()
    joined: Collection[str] = ()
    differences: Sequence[str] = ()
    broken_audit: int | None = None


def violations(told: Told, kept: Kept, seen: Seen, stored: Stored) -> list[str]:
    """Return everything that does not hold, once nothing is under way any more."""
    return [
        *(_shown(fault) for fault in faults(told, kept) if fault.wrong not in _NOT_OF_A_LADDER),
        *lost_deeds(seen.deeds, stored),
        *untold(stored.ladders, seen.notices),
        *misremembered(stored),
        *([] if stored.broken_audit is None else [f"audit record {stored.broken_audit} is broken"]),
    ]


# Here ladders have several rungs, the last of which is told again and again: see `untold`.
_NOT_OF_A_LADDER = ("not_called", "called_again")


def lost_deeds(deeds: Iterable[Deed], stored: Stored) -> list[str]:
    """Return what people did and were told is done, and is neither on the timeline nor on the audit trail."""
    lost = [f"lost_deed: {deed}" for deed in deeds if deed.what == "note" and deed.text not in stored.notes]
    done = Counter((deed.alert, deed.what) for deed in deeds)
    for (alert, what), count in done.items():
        if stored.entries[alert, _ENTRIES[what]] < count:
            lost.append(f"lost_deed: {what} {alert} is not on its timeline")
        if stored.audited[alert, f"alert_{what}"] < count:
            lost.append(f"lost_deed: {what} {alert} is not on the audit trail")
    return lost


def untold(ladders: Iterable[Ladder], notices: Collection[str]) -> list[str]:
    """Return the alerts of which nobody was told, and the notices that are called sent and reached nobody."""
    by_alert = {ladder.alert: ladder for ladder in ladders}
    silent = [f"untold: {one}" for one in by_alert.values() if not _is_known(one, by_alert)]
    unsent = [
        f"unsent: {notice} of {one.alert}" for one in by_alert.values() for notice in one.by - set(notices)
    ]
    return silent + unsent


def misremembered(stored: Stored) -> list[str]:
    """Return what is in the store otherwise than the log says."""
    known = {*stored.raised, *stored.joined}
    return [
        *(f"not_raised: {alert} follows from the log" for alert in sorted({*stored.replayed} - known)),
        *(
            f"not_derived: {alert} follows from nothing"
            for alert in sorted({*stored.raised} - {*stored.replayed})
        ),
        *(f"state: {difference}" for difference in stored.differences),
    ]


def _is_known(one: Ladder, by_alert: Mapping[str, Ladder]) -> bool:
    if one.by or one.taken:
        return True
    answers = by_alert.get(one.held_by or "")
    return answers is not None and (bool(answers.by) or answers.taken)


def _shown(fault: Fault) -> str:
    return f"{fault.wrong}: {fault.what}"
