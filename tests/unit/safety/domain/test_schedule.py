"""Schedules: hours that return every week, by the clock on the wall, whatever daylight saving does."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.domain.schedule import Hours, Schedule, find_zone, parse_schedule, written
from safety.errors import InvalidInput


def hours(**given: Any) -> Hours:
    schedule = parse_schedule({"zone": "Asia/Shanghai", **given})
    assert schedule is not None
    return Hours(schedule)


def ms(text: str, zone: str = "Asia/Shanghai") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23 07:59:59", False),  # a Monday
        ("2026-11-23 08:00", True),
        ("2026-11-27 17:59:59", True),
        ("2026-11-27 18:00", False),
        ("2026-11-28 12:00", False),
    ],
)
def test_working_hours(moment: str, expected: bool) -> None:
    assert hours(days="mon-fri", **{"from": "08:00", "to": "18:00"}).open_at(ms(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-27 21:59", False),
        ("2026-11-27 22:00", True),  # Friday night
        ("2026-11-28 05:59", True),  # until Saturday morning
        ("2026-11-28 06:00", False),
        ("2026-11-28 23:00", False),  # Saturday night is not of its days
        ("2026-11-23 03:00", False),  # nor is Sunday night
    ],
)
def test_a_night_belongs_to_the_day_it_begins_on(moment: str, expected: bool) -> None:
    assert hours(days="mon-fri", **{"from": "22:00", "to": "06:00"}).open_at(ms(moment)) is expected


def test_without_hours_it_is_the_whole_day() -> None:
    saturday = hours(days="sat")
    assert [saturday.open_at(ms(f"2026-11-{day} 23:59:59")) for day in (27, 28, 29)] == [False, True, False]
    assert saturday.open_at(ms("2026-11-28 00:00"))
    assert hours().open_at(0)


def test_days_may_run_past_sunday() -> None:
    schedule = parse_schedule({"zone": "UTC", "days": "sat-mon,wed"})
    assert schedule is not None
    assert schedule.days == (0, 2, 5, 6)


def test_daylight_saving_moves_the_hours_with_the_wall_clock() -> None:
    berlin = hours(zone="Europe/Berlin", **{"from": "08:00", "to": "09:00"})
    assert berlin.open_at(ms("2026-10-24 08:30", "Europe/Berlin"))
    assert berlin.open_at(ms("2026-10-26 08:30", "Europe/Berlin"))
    assert ms("2026-10-26 08:30", "Europe/Berlin") - ms("2026-10-24 08:30", "Europe/Berlin") == 49 * 3_600_000


def times_of_day(year: int) -> st.SearchStrategy[datetime]:
    """Moments of UTC from `year` on; Samoa skipped a day at the end of 2011."""
    span_s = 15 * 366 * 86_400
    start = datetime(year, 12, 1, tzinfo=UTC)
    return st.integers(0, span_s).map(lambda seconds: start + timedelta(seconds=seconds))


ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "UTC"]


@given(
    zone=st.sampled_from(ZONES),
    days=st.sets(st.integers(0, 6), min_size=1).map(lambda found: tuple(sorted(found))),
    opens=st.integers(0, 1_439),
    closes=st.integers(1, 1_440),
    moments=st.lists(times_of_day(2011), max_size=10),
)
def test_what_was_asked_before_changes_no_answer(
    zone: str, days: tuple[int, ...], opens: int, closes: int, moments: list[datetime]
) -> None:
    schedule = Schedule(zone=zone, days=days, opens=opens, closes=closes)
    asked = Hours(schedule)
    for moment in moments:
        for near in (moment, moment + timedelta(minutes=1), moment - timedelta(hours=2)):
            at_ms = round(near.timestamp() * 1000)
            assert asked.open_at(at_ms) == Hours(schedule).open_at(at_ms)


@given(
    moment=times_of_day(2020),
    opens=st.integers(0, 1_439),
    closes=st.integers(1, 1_440),
    days=st.sets(st.integers(0, 6)),
)
def test_without_daylight_saving_it_is_plain_arithmetic(
    moment: datetime, opens: int, closes: int, days: set[int]
) -> None:
    schedule = Schedule(zone="UTC", days=tuple(sorted(days)), opens=opens, closes=closes)
    minute, today = moment.hour * 60 + moment.minute, moment.weekday()
    if closes > opens:
        expected = today in days and opens <= minute < closes
    else:
        expected = (today in days and minute >= opens) or ((today - 1) % 7 in days and minute < closes)
    assert Hours(schedule).open_at(round(moment.timestamp() * 1000)) == expected


@given(
    zone=st.sampled_from(ZONES),
    days=st.sets(st.integers(0, 6), min_size=1),
    opens=st.integers(4 * 60, 1_438),
    length=st.integers(1, 1_200),
    moment=times_of_day(2019),
)
def test_hours_are_those_of_the_clock_on_the_wall(
    zone: str, days: set[int], opens: int, length: int, moment: datetime
) -> None:
    """Also on days of 23 and 25 hours: no zone here moves its clock after four in the morning."""
    closes = min(opens + length, 1_440)
    schedule = Schedule(zone=zone, days=tuple(sorted(days)), opens=opens, closes=closes)
    at_ms = round(moment.timestamp() * 1000)
    wall = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    assert Hours(schedule).open_at(at_ms) == (wall.weekday() in days and opens <= minute < closes)
    until_ms = Hours(schedule).until_ms(at_ms)
    assert until_ms > at_ms
    assert Hours(schedule).open_at(until_ms - 1) == Hours(schedule).open_at(at_ms)


@given(
    zone=st.sampled_from(ZONES),
    days=st.sets(st.integers(0, 6), min_size=1),
    opens=st.integers(0, 1_439),
    closes=st.integers(1, 1_440),
)
def test_a_schedule_that_was_written_is_read_again(
    zone: str, days: set[int], opens: int, closes: int
) -> None:
    schedule = Schedule(zone=zone, days=tuple(sorted(days)), opens=opens, closes=closes)
    if opens != closes:
        assert parse_schedule(written(schedule)) == schedule


def test_a_zone_that_this_machine_does_not_know_is_always_open() -> None:
    assert find_zone("Mars/Olympus") is None
    assert Hours(Schedule(zone="Mars/Olympus", days=())).open_at(0)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("always", "expected an object"),
        ({"zone": "UTC", "hours": "8-18"}, "expected an object with days, from, to and zone"),
        ({}, "schedule.zone: expected the name"),
        ({"zone": "Shanghai"}, "schedule.zone: 'Shanghai' is unknown"),
        ({"zone": "../../etc/passwd"}, "schedule.zone"),
        ({"zone": "UTC", "from": "8am"}, "schedule.from: '8am' is no time of day"),
        ({"zone": "UTC", "to": "24:01"}, "schedule.to"),
        ({"zone": "UTC", "to": "12:60"}, "schedule.to"),
        ({"zone": "UTC", "from": "08:00", "to": "08:00"}, "the same moment"),
        ({"zone": "UTC", "days": "monday"}, "schedule.days: 'monday' is unknown"),
        ({"zone": "UTC", "days": []}, "schedule.days: expected days"),
        ({"zone": "UTC", "days": 5}, "schedule.days: expected days"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(given_: Any, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        parse_schedule(given_)


def test_no_schedule_is_none() -> None:
    assert parse_schedule(None) is None
