"""The checker of what people did and were told, and of what a replay says: it knows each kind of fault."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.faults.checker import Alert, Kept, Message, Press, Receipt, Told
from tests.faults.desk import Deed
from tests.faults.history import Ladder, Seen, Stored, violations

PRESS = Press("dev_a", "p1")
FIX = Message("dev_a", "fix", "1")
TOLD = Told(confirmed={FIX}, pressed={PRESS}, receipts={Receipt(PRESS, "a1")})
KEPT = Kept({"telemetry": {FIX}, "alarms": set()}, [Alert("a1", PRESS)])
SEEN = Seen([Deed("a1", "acknowledge"), Deed("a1", "note", "she is well")], {"n1"})
STORED = Stored(
    entries=Counter({("a1", "acknowledged"): 1, ("a1", "note"): 1}),
    audited=Counter({("a1", "alert_acknowledge"): 1, ("a1", "alert_note"): 1}),
    notes={"she is well"},
    ladders=[Ladder("a1", frozenset({"n1"}))],
    replayed={"a1"},
    raised={"a1"},
)


def test_a_house_in_order_has_no_violations() -> None:
    assert violations(TOLD, KEPT, SEEN, STORED) == []


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (replace(STORED, entries=Counter()), "lost_deed"),
        (replace(STORED, audited=Counter()), "lost_deed"),
        (replace(STORED, notes=set()), "lost_deed"),
        (replace(STORED, ladders=[Ladder("a1")]), "untold"),
        (replace(STORED, ladders=[Ladder("a1", held_by="a2"), Ladder("a2")]), "untold"),
        (replace(STORED, ladders=[Ladder("a1", frozenset({"n1", "n2"}))]), "unsent"),
        (replace(STORED, replayed={"a1", "a2"}), "not_raised"),
        (replace(STORED, raised={"a1", "a2"}), "not_derived"),
        (replace(STORED, differences=["a checkpoint"]), "state"),
        (replace(STORED, broken_audit=7), "audit record 7"),
    ],
)
def test_each_kind_of_violation_is_named(stored: Stored, kind: str) -> None:
    found = violations(TOLD, KEPT, SEEN, stored)
    assert found
    assert all(one.startswith(kind) for one in found)


@pytest.mark.parametrize(
    "ladder",
    [
        Ladder("a1", taken=True),
        Ladder("a1", held_by="a2"),
    ],
)
def test_who_was_taken_or_answered_for_need_not_be_told(ladder: Ladder) -> None:
    others = [Ladder("a2", frozenset({"n1"}))]
    assert violations(TOLD, KEPT, SEEN, replace(STORED, ladders=[ladder, *others])) == []


def test_an_alert_that_joined_another_is_known_by_it() -> None:
    assert violations(TOLD, KEPT, SEEN, replace(STORED, replayed={"a1", "a2"}, joined={"a2"})) == []


def test_what_devices_were_told_is_checked_as_well() -> None:
    found = violations(TOLD, Kept({}, [Alert("a1", PRESS)]), SEEN, STORED)
    assert [one.partition(":")[0] for one in found] == ["lost"]


def test_the_same_done_twice_must_be_there_twice() -> None:
    again = Seen([*SEEN.deeds, Deed("a1", "acknowledge")], SEEN.notices)
    assert len(violations(TOLD, KEPT, again, STORED)) == 2
