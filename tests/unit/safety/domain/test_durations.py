"""Durations and times as people write them."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safety.cli.times import parse_when
from safety.domain.durations import parse_duration_s
from safety.errors import InvalidInput

NOW_MS = 1_795_000_000_000


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("1h", 3600),
        ("1h30m", 5400),
        ("0s", 0),
        ("1.5m", 90),
        ("250ms", 0.25),
        ("2d", 172800),
    ],
)
def test_a_duration_is_read(text: str, expected_s: float) -> None:
    assert parse_duration_s(text) == expected_s


@pytest.mark.parametrize(
    "text", ["", "30", "m", "-1h", "1h 30m", "1y", "1e3s", " 1h", "1h\n", "١h", "1,5h", "999999999d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="duration"):
        parse_duration_s(text)


@given(st.integers(0, 366 * 24), st.integers(0, 59), st.integers(0, 59))
def test_parts_add_up(hours: int, minutes: int, seconds: int) -> None:
    expected_s = hours * 3600 + minutes * 60 + seconds
    if expected_s <= 366 * 86_400:
        assert parse_duration_s(f"{hours}h{minutes}m{seconds}s") == expected_s


@given(st.text(max_size=20))
@example("1" * 5000 + "h")
def test_nothing_but_a_refusal_comes_of_any_text(text: str) -> None:
    with suppress(InvalidInput):
        assert 0 <= parse_duration_s(text) <= 366 * 86_400


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("now", NOW_MS),
        ("+1h", NOW_MS + 3_600_000),
        ("-10m", NOW_MS - 600_000),
        ("1970-01-01T08:00:00+08:00", 0),
        ("1970-01-01T00:00:01.5Z", 1500),
    ],
)
def test_a_time_is_read(text: str, expected_ms: int) -> None:
    assert parse_when(text, NOW_MS) == expected_ms


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-11-22T09:00:00", "2026-11-22", "+", "+1", "1h", "NOW", "25:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"time|duration"):
        parse_when(text, NOW_MS)


@given(st.text(max_size=30))
@example("0001-01-01T00:00:00+23:59")
@example("9999-12-31T23:59:59-23:59")
def test_nothing_but_a_refusal_comes_of_any_time(text: str) -> None:
    with suppress(InvalidInput):
        assert isinstance(parse_when(text, NOW_MS), int)
