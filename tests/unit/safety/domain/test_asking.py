"""Asking: what a device can be told, and which field is wrong of what it cannot."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.domain.asking import MAX_WORDS, checked_details, checked_ttl_s
from safety.errors import InvalidInput


def test_a_message_may_have_lines_and_tabs() -> None:
    words = "  Please call.\r\n\t1. the centre\u2028\t2. 王芳 😀\n"
    told = checked_details("message", {"text": words})
    assert told == {"text": "dispatcher", "words": words.strip()}


@pytest.mark.parametrize("words", ["", " \n", "a\x00b", "a\x1bb", "a\x7fb", "a\ud83d", "\udc00", "x" * 501])
def test_what_is_no_text_is_told_to_nobody(words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_details("message", {"text": words})
    assert refused.value.field == "text"


@given(st.text(st.characters(), max_size=MAX_WORDS))
def test_what_is_taken_can_be_encoded(words: str) -> None:
    try:
        told = checked_details("message", {"text": words})
    except InvalidInput:
        return
    assert str(told["words"]).encode()


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        ("alarm_closed", {}, "kind"),
        ("locate", {"beep": True}, "beep"),
        ("message", {}, "text"),
        ("message", {"text": 5}, "text"),
        ("configure", {}, "fix_every_s"),
        ("configure", {"fix_every_s": "5"}, "fix_every_s"),
        ("configure", {"fix_every_s": 0.5}, "fix_every_s"),
        ("resend", {"last_seq": 5}, "first_seq"),
        ("resend", {"first_seq": 5}, "last_seq"),
        ("resend", {"first_seq": 5, "last_seq": 4}, "last_seq"),
        ("resend", {"first_seq": 0, "last_seq": 1000}, "last_seq"),
    ],
)
def test_the_field_at_fault_is_named(kind: str, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_details(kind, fields)
    assert refused.value.field == named


def test_how_long_it_is_worth_telling_has_bounds() -> None:
    assert checked_ttl_s("locate", None) == 300.0
    with pytest.raises(InvalidInput) as refused:
        checked_ttl_s("locate", 0.0)
    assert refused.value.field == "ttl_s"
