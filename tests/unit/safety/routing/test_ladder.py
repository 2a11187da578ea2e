"""The ladder: each outcome by its name, and that it never falls silent."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.domain.policy import (
    NOBODY,
    REPEAT_AFTER_S,
    AlertFacts,
    EscalationPolicy,
    Responder,
    Roster,
    Target,
    Tier,
    read_tiers,
)
from safety.errors import InvalidInput
from safety.routing.ladder import decide

T0_MS = 1_795_352_400_000
ANN = Responder(id="ann", name="Ann", channels=("log:", "https://hooks.example/ann"))
BEN = Responder(id="ben", name="Ben", channels=("https://hooks.example/ben",))
MUTE = Responder(id="mute", name="Mute", channels=())
LOGGED = Responder(id="logged", name="Logged", channels=("log:",))
ROSTER = Roster({"ann": ANN, "ben": BEN, "mute": MUTE, "logged": LOGGED}, (ANN, BEN))
EMPTY = Roster({}, ())


def policy(*tiers: Tier) -> EscalationPolicy:
    return EscalationPolicy(id="pol_1", org="org_1", name="ladder", tiers=tiers)


def facts(
    state: str = "raised",
    severity: str = "critical",
    test: bool = False,
    escalation_level: int = 0,
    due_ms: int | None = T0_MS,
    refused: bool = False,
) -> AlertFacts:
    return AlertFacts(state, severity, test, escalation_level, due_ms, refused)


TWO_TIERS = policy(Tier(0.0, ("ann",)), Tier(90.0, ("ben",)))


def test_tier_one_is_told_at_once_on_every_channel() -> None:
    decision = decide(facts(), TWO_TIERS, ROSTER, T0_MS)
    assert (decision.reason, decision.tier, decision.level) == ("notify_tier", 1, 1)
    assert decision.targets == (Target("ann", "log:"), Target("ann", "https://hooks.example/ann"))
    assert decision.next_due_ms == T0_MS + 90_000


def test_the_first_tiers_own_delay_holds_back_neither_it_nor_what_follows() -> None:
    decision = decide(facts(), policy(Tier(300.0, ("ann",))), ROSTER, T0_MS)
    assert decision.reason == "notify_tier"
    assert decision.next_due_ms == T0_MS + REPEAT_AFTER_S * 1000


def test_nobody_is_told_before_the_time() -> None:
    decision = decide(facts(escalation_level=1, due_ms=T0_MS + 1), TWO_TIERS, ROSTER, T0_MS)
    assert (decision.reason, decision.targets, decision.next_due_ms) == ("waiting", (), T0_MS + 1)


def test_the_next_tier_follows() -> None:
    decision = decide(facts(escalation_level=1), TWO_TIERS, ROSTER, T0_MS)
    assert (decision.reason, decision.tier, decision.level) == ("notify_tier", 2, 2)
    assert decision.next_due_ms == T0_MS + 120_000


@pytest.mark.parametrize("after_s", [10.0, 600.0])
def test_an_exhausted_ladder_tells_everybody_whatever_its_pauses_were(after_s: float) -> None:
    ladder = policy(Tier(0.0, ("ann",)), Tier(after_s, ("ben",)))
    decision = decide(facts(escalation_level=2), ladder, ROSTER, T0_MS)
    assert (decision.reason, decision.tier, decision.level) == ("exhausted", 2, 2)
    assert {target.responder for target in decision.targets} == {"ann", "ben"}
    assert decision.next_due_ms == T0_MS + REPEAT_AFTER_S * 1000


@pytest.mark.parametrize("ladder", [None, policy(Tier(0.0, ("ben",)))])
def test_when_those_told_last_all_refused_everybody_is_told(ladder: EscalationPolicy | None) -> None:
    decision = decide(facts(escalation_level=1, refused=True), ladder, ROSTER, T0_MS)
    assert decision.reason == "all_refused"
    assert {target.responder for target in decision.targets} == {"ann", "ben"}


def test_a_tier_that_refused_is_followed_by_the_next_one() -> None:
    decision = decide(facts(escalation_level=1, refused=True), TWO_TIERS, ROSTER, T0_MS)
    assert (decision.reason, decision.tier) == ("notify_tier", 2)


@pytest.mark.parametrize("ladder", [None, policy()])
def test_without_a_policy_everybody_is_told(ladder: EscalationPolicy | None) -> None:
    first = decide(facts(), ladder, ROSTER, T0_MS)
    assert first.reason == "no_policy"
    assert {target.responder for target in first.targets} == {"ann", "ben"}
    again = decide(facts(escalation_level=first.level), ladder, ROSTER, T0_MS)
    assert (again.reason, again.targets) == ("exhausted", first.targets)


def test_a_tier_that_cannot_be_reached_becomes_everybody() -> None:
    decision = decide(facts(), policy(Tier(0.0, ("mute", "gone"))), ROSTER, T0_MS)
    assert decision.reason == "no_responders"
    assert decision.missing == ("mute", "gone")
    assert {target.responder for target in decision.targets} == {"ann", "ben"}


def test_a_line_of_the_log_is_written_and_reaches_nobody() -> None:
    decision = decide(facts(), policy(Tier(0.0, ("logged",))), ROSTER, T0_MS)
    assert (decision.reason, decision.missing) == ("no_responders", ("logged",))
    assert {target.responder for target in decision.targets} == {"logged", "ann", "ben"}


def test_where_the_log_is_all_that_anybody_has_it_will_do() -> None:
    other = msgspec.structs.replace(LOGGED, id="other")
    trial = Roster({"logged": LOGGED, "other": other}, (LOGGED, other))
    decision = decide(facts(), policy(Tier(0.0, ("logged",)), Tier(60.0, ("other",))), trial, T0_MS)
    assert (decision.reason, decision.missing) == ("notify_tier", ())
    assert decision.targets == (Target("logged", "log:"),)


def test_those_of_a_tier_who_can_be_reached_are_told() -> None:
    decision = decide(facts(), policy(Tier(0.0, ("gone", "ben", "ben"))), ROSTER, T0_MS)
    assert (decision.reason, decision.missing) == ("notify_tier", ("gone",))
    assert decision.targets == (Target("ben", "https://hooks.example/ben"),)


@pytest.mark.parametrize("ladder", [None, TWO_TIERS])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_when_there_is_nobody_the_log_is_told(ladder: EscalationPolicy | None, level: int) -> None:
    decision = decide(facts(escalation_level=level), ladder, EMPTY, T0_MS)
    assert (decision.reason, decision.targets) == ("nobody_to_tell", (NOBODY,))
    assert decision.next_due_ms is not None


@pytest.mark.parametrize("state", ["acknowledged", "dispatched", "on_scene"])
def test_what_somebody_has_taken_pages_nobody(state: str) -> None:
    decision = decide(facts(state=state), TWO_TIERS, ROSTER, T0_MS)
    assert (decision.reason, decision.targets, decision.next_due_ms) == ("acknowledged", (), None)


@pytest.mark.parametrize("state", ["resolved", "cancelled"])
def test_what_is_closed_pages_nobody(state: str) -> None:
    assert decide(facts(state=state), TWO_TIERS, ROSTER, T0_MS).reason == "closed"


def test_a_test_alarm_pages_nobody() -> None:
    decision = decide(facts(test=True), TWO_TIERS, ROSTER, T0_MS)
    assert (decision.reason, decision.targets, decision.next_due_ms) == ("test_pages_nobody", (), None)


def test_information_pages_nobody() -> None:
    assert decide(facts(severity="info"), TWO_TIERS, ROSTER, T0_MS).reason == "info_pages_nobody"


def test_a_warning_is_told_as_anything_else() -> None:
    assert decide(facts(severity="warning"), TWO_TIERS, ROSTER, T0_MS).reason == "notify_tier"


def test_a_warning_passes_by_the_tiers_that_do_not_take_it() -> None:
    ladder = policy(Tier(0.0, ("ann",), "high"), Tier(90.0, ("ben",)))
    decision = decide(facts(severity="warning"), ladder, ROSTER, T0_MS)
    assert (decision.reason, decision.tier, decision.level) == ("notify_tier", 2, 2)


def test_a_policy_may_leave_warnings_to_the_screen_but_nothing_worse() -> None:
    ladder = policy(Tier(0.0, ("ann",), "critical"))
    assert decide(facts(severity="warning"), ladder, ROSTER, T0_MS).reason == "policy_pages_nobody"
    assert decide(facts(severity="high"), ladder, ROSTER, T0_MS).reason == "no_tier"


def test_a_severity_nobody_knows_is_told() -> None:
    ladder = policy(Tier(0.0, ("ann",), "critical"))
    assert decide(facts(severity="catastrophic"), ladder, ROSTER, T0_MS).reason == "notify_tier"


def test_an_open_alert_without_a_due_time_is_due() -> None:
    assert decide(facts(due_ms=None), TWO_TIERS, ROSTER, T0_MS).reason == "notify_tier"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        [{"after_s": 0}],
        [{"after_s": -1, "responders": ["ann"]}],
        [{"after_s": float("nan"), "responders": ["ann"]}],
        [{"after_s": 0, "responders": []}],
        [{"after_s": 0, "responders": [""]}],
        [{"after_s": 0, "responders": ["ann"], "min_severity": "info"}],
    ],
)
def test_tiers_that_cannot_be_read_are_refused(data: object) -> None:
    with pytest.raises(InvalidInput, match="tiers"):
        read_tiers(data)


def test_tiers_are_read() -> None:
    tiers = read_tiers([{"after_s": 0, "responders": ["ann"]}, {"after_s": 90, "responders": ["ben"]}])
    assert tiers == TWO_TIERS.tiers


_NAMES = ("ann", "ben", "mute", "logged", "gone")
_TIERS = st.builds(
    Tier,
    st.floats(0, 86_400),
    st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4).map(tuple),
    st.sampled_from(("warning", "high", "critical")),
)
_POLICIES = st.none() | st.lists(_TIERS, max_size=4).map(lambda tiers: policy(*tiers))
_ROSTERS = st.sampled_from(
    (ROSTER, EMPTY, Roster({"ann": ANN}, (ANN,)), Roster({"mute": MUTE}, (MUTE, LOGGED)))
)
_MUTED = {"info_pages_nobody", "test_pages_nobody", "policy_pages_nobody"}


@given(
    severity=st.sampled_from(("info", "warning", "high", "critical", "unheard_of")),
    test=st.booleans(),
    level=st.integers(0, 6),
    due_ms=st.none() | st.integers(T0_MS - 10**9, T0_MS + 10**9),
    ladder=_POLICIES,
    roster=_ROSTERS,
    now_ms=st.integers(T0_MS - 10**9, T0_MS + 10**9),
)
def test_an_open_alert_is_never_silent(
    severity: str,
    test: bool,
    level: int,
    due_ms: int | None,
    ladder: EscalationPolicy | None,
    roster: Roster,
    now_ms: int,
) -> None:
    decision = decide(facts("raised", severity, test, level, due_ms), ladder, roster, now_ms)
    if decision.reason in _MUTED:
        assert test or severity in ("info", "warning")
        assert decision.next_due_ms is None
        return
    assert decision.next_due_ms is not None
    assert decision.next_due_ms >= now_ms
    assert decision.tells == bool(decision.targets)
    assert decision.tells or decision.reason == "waiting"
    assert decision.level >= level


@given(ladder=_POLICIES, roster=_ROSTERS, severity=st.sampled_from(("warning", "high", "critical")))
def test_every_tier_has_its_turn_and_then_the_last_one_for_ever(
    ladder: EscalationPolicy | None, roster: Roster, severity: str
) -> None:
    now_ms, level, told = T0_MS, 0, []
    for _ in range(8):
        decision = decide(facts("raised", severity, False, level, now_ms), ladder, roster, now_ms)
        if decision.next_due_ms is None:
            assert decision.reason == "policy_pages_nobody"
            return
        told.append(decision.tier)
        now_ms, level = decision.next_due_ms, decision.level
    tiers = ladder.tiers if ladder is not None else ()
    steps = [index + 1 for index, tier in enumerate(tiers) if tier.takes(severity)] or [1]
    assert told == steps + steps[-1:] * (8 - len(steps))
