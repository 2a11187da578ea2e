"""`vigil bench quality --track`: what it prints, and what it refuses."""

from pathlib import Path

import pytest

from tests.unit.safety.cli.conftest import Vigil

ROWS = [f"2026-11-22T13:{second // 60:02d}:{second % 60:02d}Z,31.2304,121.4737,8" for second in range(60)]
PLACE = ("--lat", "31.2304", "--lon", "121.4737")


@pytest.fixture
def track(tmp_path: Path) -> str:
    (tmp_path / "a.csv").write_text("\n".join(["time,lat,lon,accuracy_m", *ROWS]), encoding="utf-8")
    return str(tmp_path / "a.csv")


def test_a_track_is_scored(vigil: Vigil, track: str) -> None:
    report = vigil.json("bench", "quality", "--track", track, *PLACE, "--radius-m", "100")
    assert report["name"] == "quality"
    assert [row["value"] for row in report["rows"] if row["unit"] == "exits"] == [0, 0, 0]


def test_a_track_needs_a_place(vigil: Vigil, track: str) -> None:
    assert "--lat and --lon, or --fence" in vigil.misuse("bench", "quality", "--track", track)
    assert "--lat and --lon, or --fence" in vigil.misuse("bench", "quality", "--track", track, *PLACE[:2])


def test_a_time_outside_is_checked(vigil: Vigil, track: str) -> None:
    said = vigil.misuse("bench", "quality", "--track", track, *PLACE, "--outside", "noon")
    assert "expected FROM/TO" in said


def test_only_quality_scores_tracks(vigil: Vigil, track: str) -> None:
    assert "only quality" in vigil.misuse("bench", "latency", "--track", track, *PLACE)


def test_a_bad_track_is_told_in_one_line(vigil: Vigil, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("time,lat\n", encoding="utf-8")
    said = vigil.failure("bench", "quality", "--track", str(tmp_path / "b.csv"), *PLACE)
    assert said == "b.csv: line 1: has no column lon"
