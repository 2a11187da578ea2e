"""Scenarios: what is read, what is refused, and that a refusal says where."""

import textwrap
from pathlib import Path
from typing import get_args

import pytest

import simulators
from devices.clock import ManualClock
from safety.api.schemas.alerts import Alert
from safety.domain.alert import Resolution, State
from safety.domain.limits import LIMITS
from safety.rules.effects import AlertKind, Severity
from simulators import vocabulary
from simulators.address import Broker
from simulators.errors import BadFile
from simulators.expectations import describe
from simulators.http_link import http_client
from simulators.rehearsal import rehearse
from simulators.scenario import Expectation, load, parse, seconds
from simulators.speech import Doors

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
        (
            ("do: panic", "do: panik"),
            "test.yaml: line 7: Invalid enum value 'panik' - at `$.steps[0].do`: expected",
        ),
        (("do: panic", "do: panik"), "jump, stay, walk, connect, kill, acknowledge, resolve"),
        (
            ("alert: panic", "alert: panik"),
            "line 9: Invalid enum value 'panik' - at `$.steps[1].expect[0].alert`",
        ),
        (
            ("kind: button", "kind: buton"),
            "line 5: Invalid enum value 'buton' - at `$.devices[1].kind`: expected",
        ),
        (("down: alarm_closed", "down: alarm_close"), "alarm_received"),
        (("exactly: 1", "exactly: 0, where: {severty: high}"), "an alert has no field 'severty'"),
        (("exactly: 1", "exactly: 0, where: {state: rased}"), "state is never 'rased': it is one of raised,"),
        (("down: alarm_closed", "down: alarm_closed, where: {state: x}"), "compares fields of an `alert`"),
        (("at: 1m\n", "at: 1m\n    expect: []\n"), "line 10: the key 'expect' is there twice"),
        (
            ("do: panic", "do: resolve, alert: panic, reason: tset"),
            "at `$.steps[0].reason`: expected assisted, false_alarm",
        ),
        (("connect: false", "visit: {lat: 1, lon: 2, limits: {offlin_s: 1}}"), "offline_s, overrun_grace_s"),
        (("name: two nurses", "name: two nurses\nabout: &a [*a]"), "nested so deeply, or in itself"),
        (("name: two nurses", "name: " + "[" * 3_000), "nested so deeply"),
        (("name: two nurses", "name: 2026-13-45"), "no YAML"),
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
        (("name: two nurses", "about: x"), "Object missing required field `name`"),
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


def test_the_words_of_the_api_are_those_that_scenarios_know() -> None:
    assert set(get_args(vocabulary.Alert)) == set(get_args(AlertKind))
    assert set(get_args(vocabulary.Reason)) == set(get_args(Resolution))
    assert set(get_args(vocabulary.Severity)) == set(get_args(Severity))
    assert set(get_args(vocabulary.State)) == set(get_args(State))
    assert set(get_args(vocabulary.AlertField)) == set(Alert.model_fields)
    assert set(get_args(vocabulary.Limit)) == set(LIMITS)


@pytest.mark.parametrize(
    ("device", "step", "said"),
    [
        ("codec: osmand", "do: duress", "the step at 1s: a: Traccar Client has no words for duress"),
        ("codec: owntracks", "do: check_in", "OwnTracks has no words for check_in"),
        ("codec: chirpstack", "do: fix", "a button of type WS101 has no words for a position"),
        ("codec: chirpstack", "do: report, every: 1s", "no words for a position"),
        ("codec: chirpstack, fix_every: 1s", "do: panic", "a: a button of type WS101 has no words"),
        ("codec: jt808, connect: false", "do: fall", "no words for fall"),
    ],
)
async def test_a_step_without_words_is_found_before_it_is_played(device: str, step: str, said: str) -> None:
    scenario = parse(f"name: x\ndevices: [{{as: a, {device}}}]\nsteps: [{{at: 1s, {step}, device: a}}]", {})
    async with http_client("http://127.0.0.1:1") as http:
        with pytest.raises(BadFile) as refusal:
            await rehearse(scenario, Doors(Broker("127.0.0.1", 1), http, ManualClock()))
    assert said in str(refusal.value)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/scenario.yaml")), ids=lambda path: path.parent.name)
async def test_every_scenario_that_is_shipped_has_words_for_its_steps(path: Path) -> None:
    async with http_client("http://127.0.0.1:1") as http:
        await rehearse(load(path, {}), Doors(Broker("127.0.0.1", 1), http, ManualClock()))
