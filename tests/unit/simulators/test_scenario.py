"""Scenarios: what is read, what is refused, and that a refusal says where."""

import textwrap
from pathlib import Path

import pytest

import simulators
from simulators.errors import BadFile
from simulators.expectations import describe
from simulators.scenario import Expectation, load, parse, seconds

SHIPPED = Path(simulators.__file__).parent / "scenarios"

GOOD = """
name: two nurses
devices:
  - {as: anna, id: dev_1, secret: "${SECRET}", fix_every: 2s}
  - {as: bea, kind: button, connect: false}
steps:
  - {at: 500ms, do: panic, device: anna}
  - at: 1m
    expect: [{alert: panic, device: anna, within: 2s, exactly: 1}]
expect:
  - {down: alarm_closed, device: anna}
"""


def test_a_scenario_is_read_with_its_variables() -> None:
    scenario = parse(GOOD, {"SECRET": "s: [1]"})
    anna, bea = scenario.devices
    assert (anna.name, anna.secret, anna.kind, seconds(anna.fix_every)) == ("anna", "s: [1]", "phone", 2.0)
    assert (bea.kind, bea.connect, bea.id) == ("button", False, None)
    assert [seconds(step.at) for step in scenario.steps] == [0.5, 60.0]
    assert [describe(each) for each in scenario.wanted] == [
        "alert panic of anna within 2s, exactly 1",
        "down alarm_closed at anna within 5s",
    ]


def test_the_example_in_the_readme_is_complete() -> None:
    _, after = (SHIPPED / "README.md").read_text().split("A complete one, in a file of its own:\n\n")
    text = textwrap.dedent(after.partition("\n\n")[0])
    scenario = parse(text, {})
    assert (scenario.name, len(scenario.devices), len(scenario.steps)) == ("she presses once", 1, 1)
    assert [describe(each) for each in scenario.wanted] == ["alert panic of anna within 2s, exactly 1"]
    with pytest.raises(BadFile, match="name"):
        parse(text.replace("name:", "about:"), {})


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/scenario.yaml")), ids=lambda path: path.parent.name)
def test_every_scenario_that_is_shipped_can_be_read(path: Path) -> None:
    scenario = load(path, {})
    assert scenario.wanted
    assert (path.parent / "README.md").is_file()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("do: panic", "do: panik"), "$.steps[0].do"),
        (("at: 500ms", "at: soon"), "'soon' is no duration"),
        (("device: anna}", "device: carla}"), "no device is called 'carla': there are anna, bea"),
        (("as: bea", "as: anna"), "two devices have the same `as`"),
        (("exactly: 1", "exactly: -1"), "$.steps[1].expect[0].exactly"),
        (("exactly: 1", "exaclty: 1"), "exaclty"),
        (("down: alarm_closed", "down: alarm_closed, alert: panic"), "either `alert` or `down`"),
        (("do: panic", "do: walk"), "needs `to"),
        (("do: panic", "do: publish"), "needs `channel` and `payload`"),
        (("do: panic", "do: acknowledge"), "needs the kind of `alert`"),
        (("do: panic, device: anna", "do: panic"), "needs a `device`"),
        (("steps:", "steps: 3\nothers:"), "test.yaml"),
        (("name: two nurses", "name: [unclosed"), "no YAML"),
        (("SECRET", "OTHER"), "${OTHER} is not set"),
    ],
)
def test_a_bad_scenario_is_refused_in_one_line_that_says_where(change: tuple[str, str], said: str) -> None:
    with pytest.raises(BadFile) as refusal:
        parse(GOOD.replace(*change), {"SECRET": "s"}, "test.yaml")
    assert said in str(refusal.value)
    assert "test.yaml" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"gone\.yaml: No such file"):
        load(tmp_path / "gone.yaml", {})


@pytest.mark.parametrize(
    ("span", "expected_s"),
    [("500ms", 0.5), ("2s", 2.0), ("1.5m", 90.0), ("1h", 3600.0), ("7", 7.0), (3, 3.0)],
)
def test_durations(span: str | int, expected_s: float) -> None:
    assert seconds(span) == expected_s


def test_an_expectation_says_what_it_wants() -> None:
    expected = Expectation(device="a", alert="fall", within="1s", at_least=2, where={"state": "raised"})
    assert describe(expected) == "alert fall of a within 1s, state raised, at least 2"
