"""docs/rules.md says of each rule what it watches, its numbers and their reasons, its states, an example."""

from __future__ import annotations

import re
from typing import Any, Final, get_args

import pytest

from safety.cli.strict_yaml import read_yaml
from safety.domain.fence_limits import STANDARD
from safety.domain.limits import DEFAULTS, LIMITS
from safety.domain.policy import Reason
from safety.domain.policy_import import parse_policy
from safety.engine import TelemetryEngine
from safety.rules.effects import NoteAlert, RaiseAlert
from tests.support.days import plan_of, replace, status
from tests.support.documents import code, read
from tests.support.records import at, fix, tick

SECTIONS: Final = dict(
    re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", read("docs/rules.md"), re.MULTILINE | re.DOTALL)
)
RULES: Final = {
    "Alarms": "alarm",
    "Geofence": "geofence",
    "Visits": "visit",
    "Check-in": "check_in",
    "Silence": "silence",
    "Health": "health",
    "Recording": "recording",
    "Gaps": "gaps",
}


def tables(section: str) -> list[list[list[str]]]:
    """The tables of a section, each as its rows of cells."""
    found = re.findall(r"(?:^\|.*\n)+", SECTIONS[section], re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
        for table in found
    ]


@pytest.mark.parametrize("section", RULES)
def test_a_section_says_what_numbers_states_and_an_example(section: str) -> None:
    text = SECTIONS[section]
    assert f"`safety/rules/{RULES[section]}.py`" in text
    assert re.search(r"[Ww]atche?s?|carries|counts", text)
    assert "**States" in text
    numbers = [table for table in tables(section) if table[0] == ["number", "value", "why"]]
    assert numbers, "no table of numbers"
    assert all(len(why) > 10 for table in numbers for *_, why in table[2:])
    *_, example = tables(section)
    assert example[0][0] == ""
    assert len(example) >= 5


@pytest.mark.parametrize("section", RULES)
def test_a_limit_has_the_default_that_is_written_down(section: str) -> None:
    standard = {name: getattr(STANDARD, name) for name in STANDARD.__struct_fields__}
    for table in tables(section):
        if table[0] != ["number", "value", "why"]:
            continue
        for name, value, _ in table[2:]:
            bare = name.strip("`")
            if ":" in bare:
                continue
            default = standard.get(bare, getattr(DEFAULTS, bare, None))
            assert float(value.split()[0]) == default, name


def test_the_reasons_of_the_ladder_are_all_told() -> None:
    [reasons] = [table for table in tables("Paging") if table[0][0] == "reason"]
    assert {name for row in reasons[2:] for name in code(row[0])} == set(get_args(Reason))


def test_the_policy_that_is_shown_can_be_applied() -> None:
    [policy] = re.findall(r"^```yaml\n(.*?)^```", SECTIONS["Paging"], re.MULTILINE | re.DOTALL)
    draft = parse_policy(read_yaml(policy.encode()))
    assert [(tier.after_s, tier.min_severity) for tier in draft.tiers] == [(0.0, "warning"), (120.0, "high")]


def test_every_limit_that_is_a_number_says_why_it_is_what_it_is() -> None:
    reasoned = {row[0].strip("`") for section in RULES for table in tables(section) for row in table}
    told_in_words = {"high_risk_check_in_every_s", "check_in_extension_max_s", "alert_fix_every_s"}
    numbers = {name for name in LIMITS if isinstance(getattr(DEFAULTS, name), float)}
    assert numbers - reasoned - told_in_words == set()


# What the examples say, run through the engine: the visit of `VISIT` starts at 09:00.


def happened(*records: Any) -> list[tuple[str, str, int]]:
    """What was raised and noted, as (kind or note, how, second), with a tick each second."""
    engine = TelemetryEngine()
    found: list[tuple[RaiseAlert | NoteAlert, int]] = []
    plan = plan_of(check_in_every_s=None, ends_ms=at(7_200), limits={"arrival_grace_s": 14_400.0})
    waiting = [replace(plan, devices=plan.devices[:1]), *sorted(records, key=lambda one: one.received_ms)]
    for second in range(-900, 4_000):
        due: list[Any] = []
        while waiting and getattr(waiting[0], "received_ms", 0) <= at(second):
            due.append(waiting.pop(0))
        effects = [effect for record in [*due, tick(second)] for effect in engine.step(record)]
        found += [(effect, second) for effect in effects if isinstance(effect, RaiseAlert | NoteAlert)]
    return [
        (effect.kind, str(effect.why.get("how")), second)
        if isinstance(effect, RaiseAlert)
        else (effect.what, "", second)
        for effect, second in found
    ]


def test_the_example_of_silence_is_what_happens() -> None:
    day = [fix(second, 10) for second in range(0, 601, 60)]
    day += [status(720, online=False), status(740, online=True), fix(1_860, 10)]
    told = [one for one in happened(*day) if one[2] <= 1_860]
    assert told == [("device_silent", "no_reports", 920), ("heard_again", "", 1_860)]


def test_the_example_of_a_battery_is_what_happens() -> None:
    charges = [(240 * step, 21.0 - step) for step in range(7)]
    charges += [(1_860, 17.0), (2_500, 22.0), (3_120, 26.0)]
    day = [status(second, battery_pct=pct) for second, pct in charges]
    day += [fix(second, 10) for second in range(5, 3_500, 60)]
    assert happened(*day)[:2] == [("battery_low", "low", 1_440), ("mended", "", 3_120)]
