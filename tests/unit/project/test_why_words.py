"""Why an alert was raised, in words: the page has them for all that any rule says, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final, get_args

import pytest

from safety.domain.alert import TimelineWord
from safety.rules.effects import AlertKind
from tests.support.documents import ROOT, code, read

RULES: Final = sorted((ROOT / "safety/rules").glob("*.py"))
JS: Final = ROOT / "safety/console/static/js"
WORDS: Final = (JS / "words.js").read_text(encoding="utf-8")
UNIT: Final = re.compile(r"_(?:ms|s|m|pct|mps|kmh|deg|dbm)$")
SPOKEN: Final = ("how", "during", "risk")
"""What has a word for each of its values; other values are numbers, names and times."""


def table(language: str) -> dict[str, str]:
    source = (JS / "i18n" / f"{language}_why.js").read_text(encoding="utf-8")
    return dict(re.findall(r'^  "([^"]+)": "(.*)",$', source, re.MULTILINE))


def reasons() -> Iterator[dict[str, ast.expr]]:
    """Every dictionary in the rules that says why: those with a `rule` or a `how`."""
    for path in RULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Dict):
                continue
            pairs = zip(node.keys, node.values, strict=True)
            named = {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}
            if {"rule", "how"} & set(named):
                yield named


def spoken(value: ast.expr) -> set[str]:
    """The texts that an expression may become, without those it only compares."""
    if isinstance(value, ast.IfExp):
        return spoken(value.body) | spoken(value.orelse)
    return {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else set()


def test_there_is_something_to_say() -> None:
    names = {name for reason in reasons() for name in reason}
    assert {"beyond_edge_m", "empty_in_s", "last_heard_ms", "grace_s", "skew_s", "distance_m"} <= names


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_a_rule_says_has_a_name(language: str) -> None:
    words = table(language)
    skipped = set(re.findall(r'"(\w+)"', WORDS.partition("SKIPPED = new Set([")[2].partition("])")[0]))
    for reason in reasons():
        for name in set(reason) - skipped:
            bare = re.sub(r"(^|_)(lat|lon)$", r"\1place", UNIT.sub("", name))
            assert f"why_name.{bare}" in words, name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_manner_has_a_word(language: str) -> None:
    words = table(language)
    for reason in reasons():
        for name in SPOKEN:
            for value in spoken(reason[name]) if name in reason else ():
                assert f"why_value.{name}.{value}" in words, value


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_of_alert_has_a_sentence(language: str) -> None:
    sentences = {key.split(".")[1] for key in table(language) if key.startswith("why.")}
    assert set(get_args(AlertKind)) - sentences == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_that_happens_to_an_alert_has_a_sentence(language: str) -> None:
    source = (JS / "i18n" / f"{language}.js").read_text(encoding="utf-8")
    known = {*re.findall(r'"timeline\.(\w+)"', source), *(key[9:] for key in table(language))}
    assert set(get_args(TimelineWord)) - known == set()


def test_everything_that_happens_to_an_alert_is_documented() -> None:
    (words,) = re.findall(r"`what` is one of (.*?)\.\n", read("docs/protocol.md"), re.DOTALL)
    assert tuple(code(words)) == get_args(TimelineWord)
