"""Checks: text, text of several lines, and what others call a device."""

import pytest

from safety.domain import checks
from safety.errors import InvalidInput


def test_text_is_one_line_and_prose_may_have_several() -> None:
    lines = "one\ttab\r\nand a line\u2028and another\u2029end"
    assert checks.prose(f" {lines}\n", "note", 100) == lines
    for character in "\t\n\r\u2028\u2029":
        with pytest.raises(InvalidInput, match="control character"):
            checks.text(f"a{character}b", "name")


@pytest.mark.parametrize("value", ["a\x00b", "a\x0bb", "a\x1b[0m", "a\x85b", "a\x9fb", "a\ud800b"])
def test_neither_takes_what_is_no_text(value: str) -> None:
    for refused in (checks.text, checks.prose, checks.optional_prose):
        with pytest.raises(InvalidInput, match="note holds a control character") as caught:
            refused(value, "note", 100)
        assert caught.value.field == "note"


@pytest.mark.parametrize("blank", ["", " ", "\n\t "])
def test_blank_prose_is_none_or_refused(blank: str) -> None:
    assert checks.optional_prose(blank, "note", 100) is None
    with pytest.raises(InvalidInput, match="note has 0 characters: expected 1 to 100"):
        checks.prose(blank, "note", 100)


def test_a_field_in_a_list_is_named_with_dots() -> None:
    with pytest.raises(InvalidInput) as refused:
        checks.text(" ", "tiers[2].responders[0]")
    assert refused.value.field == "tiers.2.responders.0"


@pytest.mark.parametrize("called", ["24e124535b316056", "24E124535B316056", " 24e124535B316056 "])
def test_a_dev_eui_is_taken_as_it_is_given(called: str) -> None:
    assert checks.external_id(called, "chirpstack") == called.strip()


@pytest.mark.parametrize(
    "called", ["nothex", "24E1", "24e124535b31605g", "24-e1-24-53-5b-31-60-56", "２" * 16]
)
def test_what_is_no_dev_eui_is_found_by_nobody(called: str) -> None:
    with pytest.raises(InvalidInput, match="is no DevEUI: expected 16 hex digits") as refused:
        checks.external_id(called, "chirpstack")
    assert refused.value.field == "external_id"
    assert checks.external_id(called, "traccar") == called


@pytest.mark.parametrize("none", [None, "", "  "])
def test_a_device_need_not_have_another_name(none: str | None) -> None:
    assert checks.external_id(none, "chirpstack") is None
