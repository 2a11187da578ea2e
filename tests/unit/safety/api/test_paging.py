"""Cursors and times of query strings: what is written is read back, and nonsense is told as such."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rfc3339 import rfc3339
from safety.api.frames import parse_cursor
from safety.api.paging import decode_cursor, encode_cursor, parse_moment
from safety.errors import InvalidInput

PARTS = st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), st.text(max_size=12))
LATEST_MS = 253_402_300_799_999


@given(st.lists(PARTS, max_size=4).map(tuple))
def test_a_cursor_comes_back_as_it_was(key: tuple[int | str, ...]) -> None:
    assert decode_cursor(encode_cursor(key), tuple(type(part) for part in key)) == key


@given(st.lists(PARTS, max_size=4).map(tuple))
def test_a_cursor_is_safe_in_a_url(key: tuple[int | str, ...]) -> None:
    cursor = encode_cursor(key)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursor.isascii()


@given(st.text())
def test_nonsense_is_refused_as_such(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        decode_cursor(cursor, (int, str, int, str))


@pytest.mark.parametrize("shape", [(str,), (int, str), (str, int, int), ()])
def test_a_cursor_of_another_list_is_refused(shape: tuple[type, ...]) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(encode_cursor((1,)), shape)


@pytest.mark.parametrize("part", [2**63, -(2**63), 2**80])
def test_a_number_that_no_column_holds_is_refused(part: int) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(encode_cursor((part,)), (int,))


@given(st.integers(0, LATEST_MS))
def test_a_moment_reads_back_in_each_of_its_forms(at_ms: int) -> None:
    text = rfc3339(at_ms)
    assert parse_moment(text) == at_ms
    assert parse_moment(str(at_ms)) == at_ms
    assert parse_moment(at_ms) == at_ms
    # As it arrives when the plus sign was not escaped in the query.
    assert parse_moment(text.replace("Z", " 00:00")) == at_ms


@given(st.one_of(st.text(), st.floats(), st.booleans(), st.none(), st.integers(max_value=-1)))
def test_no_moment_is_told_as_such(value: object) -> None:
    try:
        moment = parse_moment(value)
    except ValueError:
        return
    assert isinstance(value, str)
    assert 0 <= moment <= LATEST_MS


@pytest.mark.parametrize("text", ["2026-11-22T13:45:12", "0001-01-01T00:00:00+14:00", "10000000000000000"])
def test_a_moment_without_a_place_in_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        parse_moment(text)


@given(st.text())
def test_a_live_cursor_is_a_number_or_nothing(text: str) -> None:
    cursor = parse_cursor(text)
    assert cursor is None or (cursor >= 0 and int(text) == cursor)
