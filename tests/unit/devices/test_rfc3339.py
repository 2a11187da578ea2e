"""Times as they are written outside: to the millisecond, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rfc3339 import NO_TIME, parse_rfc3339, rfc3339

LAST_MS = 253_402_300_799_999  # of the year 9999


@pytest.mark.parametrize(
    ("at_ms", "written"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_417_200_123, "2026-11-23T07:00:00.123Z"),
        (LAST_MS, "9999-12-31T23:59:59.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_it_is_written_in_utc_with_milliseconds(at_ms: int, written: str) -> None:
    assert rfc3339(at_ms) == written


@given(st.integers(0, LAST_MS))
def test_what_was_written_is_read_back(at_ms: int) -> None:
    assert parse_rfc3339(rfc3339(at_ms)) == at_ms


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("yesterday", "is no time"),
        ("2026-11-31T00:00:00Z", "is no time"),
        ("2026-11-22T13:45:12+99:00", "is no time"),
        ("2026-11-22T13:45:12", "has no offset"),
    ],
)
def test_what_is_no_time_is_told_in_words_of_its_own(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as refused:
        parse_rfc3339(text)
    assert str(refused.value) == f"{text!r} {wrong}: {NO_TIME}"
