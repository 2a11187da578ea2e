"""The policy document."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.domain.policy_import import PolicyDraft, Tier, parse_policy
from safety.errors import InvalidInput


def document(**changes: Any) -> dict[str, Any]:
    tiers = [{"after": "0s", "responders": ["rsp_a", "Li Na"]}, {"after": "2m", "responders": ["rsp_b"]}]
    return {"org": "org_a", "name": "day", "tiers": tiers} | changes


def test_a_policy_is_read() -> None:
    assert parse_policy(document()) == PolicyDraft(
        org="org_a", name="day", tiers=(Tier(0.0, ("rsp_a", "Li Na")), Tier(120.0, ("rsp_b",)))
    )


def test_the_first_tier_is_told_at_once_unless_it_says_otherwise() -> None:
    tiers = [{"responders": ["a", "a"]}, {"after": 90, "responders": ["b"]}]
    assert parse_policy(document(tiers=tiers)).tiers == (Tier(0.0, ("a",)), Tier(90.0, ("b",)))


@pytest.mark.parametrize(
    ("given_document", "expected"),
    [
        (None, "expected the keys name, org, tiers"),
        (document(colour="red"), "unknown key 'colour'"),
        (document(org=5), "org: expected text"),
        (document(name=" "), "name has 0 characters"),
        (document(tiers=[]), "tiers: expected a list of 1 to 20"),
        (document(tiers=["a"]), r"tiers\[0\]: expected the keys after, min_severity, responders"),
        (document(tiers=[{"responders": []}]), r"tiers\[0\].responders: expected a list"),
        (document(tiers=[{"responders": [7]}]), r"tiers\[0\].responders\[0\]: expected the id or name"),
        (document(tiers=[{"after": "soon", "responders": ["a"]}]), r"tiers\[0\].after: duration 'soon'"),
        (document(tiers=[{"after": -1, "responders": ["a"]}]), r"tiers\[0\].after: expected a duration"),
        (document(tiers=[{"after": True, "responders": ["a"]}]), r"tiers\[0\].after: expected a duration"),
        (document(tiers=[{"after": float("nan"), "responders": ["a"]}]), r"tiers\[0\].after: expected a dur"),
        (
            document(tiers=[{"after": 10**400, "responders": ["a"]}]),
            r"tiers\[0\].after: expected at most 24h",
        ),
        (document(tiers=[{"responders": ["a"]}, {"responders": ["b"]}]), r"tiers\[1\].after: expected a dur"),
    ],
)
def test_a_fault_is_named_with_its_key(given_document: object, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        parse_policy(given_document)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": " "}, "name"),
        ({"org": 5}, "org"),
        ({"tiers": []}, "tiers"),
        ({"tiers": ["a"]}, "tiers.0"),
        ({"tiers": [{"responders": []}]}, "tiers.0.responders"),
        ({"tiers": [{"responders": ["a", 7]}]}, "tiers.0.responders.1"),
        ({"tiers": [{"responders": ["a", " "]}]}, "tiers.0.responders.1"),
        ({"tiers": [{"responders": ["a"], "min_severity": "info"}]}, "tiers.0.min_severity"),
        ({"tiers": [{"after": "25h", "responders": ["a"]}]}, "tiers.0.after_s"),
        ({"tiers": [{"after": "soon", "responders": ["a"]}]}, "tiers.0.after_s"),
        ({"tiers": [{"responders": ["a"]}, {"responders": ["b"]}]}, "tiers.1.after_s"),
    ],
)
def test_the_field_at_fault_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_policy(document(**changes))
    assert refused.value.field == named


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["after", "responders", "org", "name", "tiers"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(values, values)
def test_nothing_but_a_refusal_comes_of_any_document(whole: object, tiers: object) -> None:
    for tried in (whole, document(tiers=tiers), document(tiers=[tiers])):
        with suppress(InvalidInput):
            parse_policy(tried)
