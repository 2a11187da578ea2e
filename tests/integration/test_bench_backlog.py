"""The backlog's benchmark in its short form: that it measures, not how fast this machine is just now."""

from typing import Any

import pytest

from safety.bench import backlog
from safety.bench.backlog import Size
from safety.bench.errors import BenchFailed

pytestmark = [pytest.mark.integration, pytest.mark.bench]

FIXES = 60_000
SHORT = Size(panics=5, warm_up=1, phones=2, walkers=50, spare=0)


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    report = backlog.run(FIXES, SHORT)
    assert report["name"] == "backlog"
    return {row["what"]: row for row in report["rows"]}


@pytest.mark.parametrize("part", ["p50", "p99"])
def test_a_panic_behind_a_backlog_is_judged_by_one_without(
    rows: dict[str, dict[str, Any]], part: str
) -> None:
    shown = rows[f"panic on screen, behind a backlog, {part}"]
    assert shown["value"] > 0
    assert shown["floor"] > 0
    assert shown["target"] == "<= 2 x floor"
    assert rows[f"alarm_received, behind a backlog, {part}"]["value"] > 0


def test_the_backlog_was_there_to_the_last_panic(rows: dict[str, dict[str, Any]]) -> None:
    assert rows["fixes waiting after the last panic"]["value"] > 0
    waiting = rows["fixes waiting at the first panic"]
    assert waiting["value"] > rows["fixes waiting after the last panic"]["value"]
    assert waiting["target"] == f">= {FIXES:g}"


def test_a_backlog_that_is_soon_gone_is_no_measurement() -> None:
    with pytest.raises(BenchFailed, match="order more fixes"):
        backlog.run(10, SHORT._replace(panics=1, walkers=10))
