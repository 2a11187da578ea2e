"""`vigil bench ingest` in its short form: that it measures, not how fast this machine is just now."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from devices.clock import SystemClock
from devices.codecs import native
from ingest.subscriber.subscriber import WINDOW
from safety.bench import ingest
from safety.bench.errors import BenchFailed
from safety.bench.ingest_world import messages
from safety.bench.mosquitto import open_mosquitto
from tests.support.requires import require

pytestmark = [pytest.mark.integration, pytest.mark.bench]

SHORT = ingest.Size(devices=50, messages=1_200, rounds=2)
COLUMNS = {"what", "value", "unit", "floor", "ratio", "target", "ok"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    require("mosquitto")
    report = ingest.run(SHORT)
    assert report["name"] == "ingest"
    return list(report["rows"])


def test_every_row_has_the_columns_that_are_promised(rows: list[dict[str, Any]]) -> None:
    assert all(set(row) == COLUMNS for row in rows)


def test_the_figure_stands_beside_its_floor_and_its_target(rows: list[dict[str, Any]]) -> None:
    speed, share, wall = rows
    assert speed["what"] == "messages a second and core, from Mosquitto to the embedded log"
    assert min(speed["value"], speed["floor"], wall["value"], wall["floor"]) > 0
    assert share["value"] == pytest.approx(speed["value"] / speed["floor"], rel=0.5)
    assert share["target"] == f">= {ingest.SHARE:g}"
    assert speed["ok"] == share["ok"] == (share["value"] >= ingest.SHARE)


def test_what_is_published_is_read_as_it_was_meant_and_never_said_twice() -> None:
    said = [*messages(50, 0, 1_200), *messages(50, 1_200, 1_200)]
    assert len(set(said)) == 2_400
    names = {
        report.name
        for one in said
        for report in native.read(one.topic.rsplit("/", 1)[1], one.payload, 0).reports
    }
    assert names == {"fix", "status_reported", "checked_in"}


async def test_says_that_there_is_no_mosquitto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(BenchFailed, match="no mosquitto here"):
        async with open_mosquitto(tmp_path, SystemClock(), WINDOW):
            pass
