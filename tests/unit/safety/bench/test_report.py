"""Reports: percentiles, ratios, and whether a figure keeps within its limits."""

import pytest

from safety.bench.report import at_least, percentile, report, row


@pytest.mark.parametrize(("part", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_one_of_the_values(part: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], part) == expected


def test_one_value_is_every_percentile() -> None:
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0


def test_a_row_without_a_floor_or_a_target_says_so() -> None:
    assert row("it", 1.23456, "ms") == {
        "what": "it",
        "value": 1.235,
        "unit": "ms",
        "floor": None,
        "ratio": None,
        "target": None,
        "ok": None,
    }


@pytest.mark.parametrize(("value", "ok"), [(4.0, True), (4.1, False)])
def test_a_target_may_be_a_multiple_of_the_floor(value: float, ok: bool) -> None:
    told = row("it", value, "ms", floor=1.0, limit={"at_most": 1000, "times_floor": 4.0})
    assert (told["ratio"], told["target"], told["ok"]) == (value, "<= 1000, <= 4 x floor", ok)


def test_each_part_of_a_target_must_hold() -> None:
    told = row("it", 9.0, "ms", limit={"at_most": 1000, "times": (3.0, "idle", 2.0)})
    assert (told["target"], told["ok"]) == ("<= 1000, <= 3 x idle", False)


@pytest.mark.parametrize(("value", "ok"), [(949.0, False), (950.0, True)])
def test_a_rate_must_not_fall_short(value: float, ok: bool) -> None:
    told = at_least("fixes", value, "1/s", 950.0)
    assert (told["target"], told["ok"]) == (">= 950", ok)


def test_a_report_names_itself() -> None:
    assert report("latency", []) == {"name": "latency", "rows": []}
