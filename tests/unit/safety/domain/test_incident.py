"""Incidents as a pure decision: what joins what, what pages, and that nothing falls silent."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from safety.domain.alert import RefusedAction, transition
from safety.domain.incident import (
    CRIES_FOR_HELP,
    UNDER_WAY_S,
    WINDOW_S,
    Joining,
    Member,
    join,
    lead_of,
    released,
    taken_with,
)
from safety.domain.policy import SEVERITIES

MIN: Final = 60_000
KINDS: Final = {
    "panic": "critical",
    "duress": "critical",
    "fall": "critical",
    "tamper": "high",
    "fence_exit": "high",
    "device_silent": "warning",
    "battery_low": "info",
}


def alert(id: str, kind: str = "panic", at_ms: int = 0, **fields: Any) -> Member:
    """An alert that was paged at once, unless `fields` say otherwise."""
    given: dict[str, Any] = {
        "incident": id,
        "severity": KINDS[kind],
        "state": "raised",
        "test": False,
        "received_ms": at_ms,
        "due_ms": at_ms + MIN,
        "escalation_level": 1,
    }
    return Member(id=id, kind=kind, **(given | fields))


def coming(kind: str, at_ms: int = 0, **fields: Any) -> Member:
    """An alert that has just been raised."""
    return alert("new", kind, at_ms, **({"due_ms": at_ms, "escalation_level": 0} | fields))


def test_the_first_opens_an_incident_that_bears_its_id() -> None:
    assert join(coming("fall"), []) == Joining("new", "opens")


def test_a_fall_after_a_panic_is_evidence() -> None:
    assert join(coming("fall", MIN), [alert("p")]) == Joining("p", "lead_is_paged", "p", "p")


def test_a_panic_after_a_fall_pages() -> None:
    assert join(coming("panic", MIN), [alert("f", "fall")]) == Joining("f", "panic_always_pages", "f")


@pytest.mark.parametrize("state", ["raised", "acknowledged", "dispatched", "on_scene"])
def test_a_duress_pages_whatever_is_open(state: str) -> None:
    assert join(coming("duress", MIN), [alert("p", state=state, acted_ms=0)]).reason == "duress_always_pages"


@pytest.mark.parametrize(
    ("state", "held"), [("raised", True), ("acknowledged", False), ("dispatched", True), ("on_scene", True)]
)
def test_a_panic_is_held_by_a_duress_unless_that_was_only_acknowledged(state: str, held: bool) -> None:
    duress = alert("d", "duress", state=state, acted_ms=0)
    assert (join(coming("panic", MIN), [duress]).held_by == "d") is held


def test_what_is_worse_pages() -> None:
    assert join(coming("fall", MIN), [alert("s", "device_silent")]) == Joining("s", "more_severe", "s")


def test_what_is_only_information_pages_nobody_and_holds_nothing() -> None:
    info = alert("b", "battery_low")
    assert join(coming("battery_low", MIN), [alert("p")]).reason == "info_pages_nobody"
    assert join(coming("fall", MIN), [info]) == Joining("b", "more_severe", "b")
    assert join(coming("fall", 16 * MIN), [info]).reason == "opens"


@pytest.mark.parametrize(("minutes", "incident"), [(15, "p"), (15.01, "new")])
def test_an_incident_goes_on_for_its_window_after_what_is_closed(minutes: float, incident: str) -> None:
    closed = alert("p", state="resolved", due_ms=None)
    assert join(coming("fall", round(minutes * MIN)), [closed]).incident == incident


def test_an_incident_goes_on_while_one_of_it_is_open() -> None:
    assert join(coming("fall", 600 * MIN), [alert("p")]).incident == "p"


def test_what_is_closed_answers_for_nothing() -> None:
    assert join(coming("fall", MIN), [alert("p", state="resolved", due_ms=None)]).held_by is None


def test_a_lead_in_its_cancel_window_answers_only_for_what_would_page_later() -> None:
    fall = alert("f", "fall", due_ms=30_000, escalation_level=0)
    assert join(coming("tamper", 5_000), [fall]).reason == "nobody_answers"
    assert join(coming("tamper", 5_000, due_ms=35_000), [fall]).held_by == "f"


@pytest.mark.parametrize(
    ("state", "lasts_s"), [("acknowledged", WINDOW_S), ("dispatched", UNDER_WAY_S), ("on_scene", UNDER_WAY_S)]
)
def test_a_taken_lead_answers_while_somebody_works_on_it(state: str, lasts_s: float) -> None:
    lead = alert("p", state=state, due_ms=None, acted_ms=MIN)
    last_ms = MIN + round(lasts_s * 1000)
    assert join(coming("fall", last_ms), [lead]).reason == "lead_is_taken"
    assert join(coming("fall", last_ms + 1), [lead]).reason == "taken_long_ago"


def test_what_is_held_answers_for_nothing() -> None:
    members = [alert("p", state="resolved"), alert("f", "fall", held=True, due_ms=None, escalation_level=0)]
    assert join(coming("tamper", MIN), members).held_by is None


@given(st.booleans(), st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(KINDS)))
def test_tests_and_real_alerts_never_meet(test: bool, kind: str, other: str) -> None:
    assert join(coming(kind, test=test), [alert("p", other, test=not test)]) == Joining("new", "opens")


def test_the_lead_is_the_worst_then_a_cry_for_help_then_the_oldest() -> None:
    silent, fall = alert("s", "device_silent"), alert("f", "fall", 1)
    panic, later = alert("p", "panic", 2), alert("q", "panic", 3)
    assert lead_of([silent, fall, later, panic]) == panic
    assert lead_of([silent, fall]) == fall
    assert lead_of([]) is None


class Incidents(RuleBasedStateMachine):
    """One nurse's alerts through everything that can happen to them, as the store would keep them."""

    @initialize()
    def begin(self) -> None:
        self.now_ms = 0
        self.alerts: dict[str, Member] = {}

    def _set(self, id: str, **changes: Any) -> None:
        self.alerts[id] = self.alerts[id]._replace(**changes)

    def _mates(self, id: str) -> list[Member]:
        return [one for one in self.alerts.values() if one.incident == self.alerts[id].incident]

    def _release(self, id: str) -> None:
        for one in released(self._mates(id), self.now_ms):
            self._set(one.id, held=False, due_ms=self.now_ms)

    @rule(kind=st.sampled_from(sorted(KINDS)), window_s=st.sampled_from([0, 30]), test=st.booleans())
    def raised(self, kind: str, window_s: int, test: bool) -> None:
        id = f"a{len(self.alerts)}"
        due_ms = self.now_ms + window_s * 1000
        new = alert(id, kind, self.now_ms, due_ms=due_ms, escalation_level=0, test=test)
        joining = join(new, self.alerts.values())
        held = joining.held_by is not None
        self.alerts[id] = new._replace(
            incident=joining.incident, held=held, due_ms=None if held else new.due_ms
        )
        if held:
            holder = self.alerts[str(joining.held_by)]
            assert holder.test == test
            assert SEVERITIES.index(holder.severity) >= SEVERITIES.index(KINDS[kind])
            assert kind != "duress"
            assert kind != "panic" or holder.kind in CRIES_FOR_HELP

    @rule(passed_s=st.sampled_from([1, 30, 600, 1000, 4000]))
    def time_passes(self, passed_s: int) -> None:
        """And the ladder looks at all that is due."""
        self.now_ms += passed_s * 1000
        for one in list(self.alerts.values()):
            if one.due_ms is None or one.due_ms > self.now_ms:
                continue
            if one.state != "raised" or one.test or one.severity == "info":
                self._set(one.id, due_ms=None)
            else:
                again_ms = self.now_ms + 2 * MIN
                self._set(one.id, due_ms=again_ms, escalation_level=one.escalation_level + 1)

    @precondition(lambda self: self.alerts)
    @rule(data=st.data(), action=st.sampled_from(["acknowledge", "dispatch", "arrive", "resolve"]))
    def acted(self, data: st.DataObject, action: str) -> None:
        id = data.draw(st.sampled_from(sorted(self.alerts)))
        try:
            after = transition(self.alerts[id].state, action)
        except RefusedAction:
            return
        self._set(id, state=after.state, due_ms=None, acted_ms=self.now_ms, held=False)
        if action == "resolve":
            self._release(id)
            return
        for one in taken_with(self.alerts[id], self._mates(id)):
            self._set(one.id, state="acknowledged", held=False, acted_ms=self.now_ms)

    @precondition(lambda self: self.alerts)
    @rule(data=st.data())
    def taken_back(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.alerts)))
        if self.alerts[id].state == "raised":
            self._set(id, state="cancelled", due_ms=None, held=False)
            self._release(id)

    @precondition(lambda self: self.alerts)
    @rule(data=st.data())
    def pressed_again(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.alerts)))
        if self.alerts[id].kind in CRIES_FOR_HELP and self.alerts[id].state in ("raised", "acknowledged"):
            self._set(id, state="raised", escalation_level=0, due_ms=self.now_ms, held=False)

    @invariant()
    def never_silent(self) -> None:
        for one in self.alerts.values():
            if one.state != "raised" or one.severity == "info" or one.test or one.due_ms is not None:
                continue
            answering = [
                mate
                for mate in self._mates(one.id)
                if mate.is_open and not mate.held and mate.id != one.id
                if SEVERITIES.index(mate.severity) >= SEVERITIES.index(one.severity)
                if mate.state != "raised" or mate.due_ms is not None
            ]
            assert one.held, one
            assert answering, one


TestIncidents = Incidents.TestCase
