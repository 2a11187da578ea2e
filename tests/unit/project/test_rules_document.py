"""docs/rules.md says of each rule what it watches, its numbers and their reasons, its states, an example."""

from __future__ import annotations

import re
from typing import Final

import pytest

from safety.domain.fence_limits import STANDARD
from safety.domain.limits import DEFAULTS, LIMITS
from tests.support.documents import read

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


def test_every_limit_that_is_a_number_says_why_it_is_what_it_is() -> None:
    reasoned = {row[0].strip("`") for section in RULES for table in tables(section) for row in table}
    told_in_words = {"high_risk_check_in_every_s", "check_in_extension_max_s", "alert_fix_every_s"}
    numbers = {name for name in LIMITS if isinstance(getattr(DEFAULTS, name), float)}
    assert numbers - reasoned - told_in_words == set()
