"""`vigil fence`: what a file may say, what the options say over it, and what is refused with its place."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.safety.cli.conftest import Vigil

Write = Callable[[str, str], str]
SQUARE = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3], [121.4, 31.2]]
BOWTIE = [[121.4, 31.2], [121.5, 31.3], [121.5, 31.2], [121.4, 31.3], [121.4, 31.2]]
HOURS = {"days": "mon-fri", "from": "22:00", "to": "06:00", "zone": "Asia/Shanghai"}


def area(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.fixture
def file(write: Write) -> Callable[..., str]:
    """Writes a file of features, each (geometry, properties), and returns its path."""

    def write_file(*features: tuple[dict[str, Any], dict[str, Any]]) -> str:
        collection = {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "geometry": g, "properties": p} for g, p in features],
        }
        return write("areas.geojson", json.dumps(collection))

    return write_file


@pytest.fixture
def visit(vigil: Vigil, nurse: str) -> str:
    where = ("--lat", "31.25", "--lon", "121.45", "--start", "now", "--end", "+1h")
    return vigil.add("visit", "add", "--nurse", nurse, *where)


def test_a_mode_for_all_comes_before_each_ones_own(vigil: Vigil, org: str, file: Callable[..., str]) -> None:
    path = file((area(SQUARE), {"name": "a", "mode": "keep_out"}), (area(SQUARE), {"name": "b"}))
    fences = vigil.json("fence", "import", path, "--org", org)["fences"]
    assert [fence["mode"] for fence in fences] == ["keep_out", "stay_in"]
    fences = vigil.json("fence", "import", path, "--org", org, "--mode", "keep_out")["fences"]
    assert [fence["mode"] for fence in fences] == ["keep_out", "keep_out"]
    assert "'circle' is not one of" in vigil.misuse("fence", "import", path, "--org", org, "--mode", "circle")


def test_a_fence_may_be_of_one_visit(vigil: Vigil, org: str, visit: str, file: Callable[..., str]) -> None:
    path = file((area(SQUARE), {}))
    (fence,) = vigil.json("fence", "import", path, "--org", org, "--visit", visit)["fences"]
    assert fence["visit"] == visit
    (listed,) = vigil.json("fence", "list", "--org", org)["items"]
    assert listed == fence
    head, line = vigil("fence", "list")
    assert head.split() == ["id", "name", "mode", "org", "visit"]
    assert line.split()[-1] == visit
    other = vigil.add("org", "add", "--name", "Minhang")
    assert "is of organisation" in vigil.failure("fence", "import", path, "--org", other, "--visit", visit)
    assert "no visit" in vigil.failure("fence", "import", path, "--org", org, "--visit", "vis_none")
    assert vigil.json("fence", "list", "--org", other)["items"] == []


def test_hours_limits_and_a_width_are_shown_as_they_were_written(
    vigil: Vigil, org: str, file: Callable[..., str]
) -> None:
    line = {"type": "LineString", "coordinates": SQUARE[:3]}
    path = file((line, {"width_m": 80, "schedule": HOURS, "dwell_s": 60}))
    (fence,) = vigil.json("fence", "import", path, "--org", org, "--width-m", "50")["fences"]
    assert (fence["width_m"], fence["limits"]) == (50, {"dwell_s": 60})
    assert fence["schedule"] == {**HOURS, "days": ["mon", "tue", "wed", "thu", "fri"]}


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        (area(BOWTIE), "feature 1, ring 0, vertex 0: self-intersection"),
        (area(SQUARE[:2]), "feature 1, ring 0: has 2 different points, expected at least 3"),
        (area([[lat, lon] for lon, lat in SQUARE]), "feature 1, ring 0, vertex 0: "),
        (area(SQUARE, BOWTIE), "feature 1, ring 1, vertex 0: "),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [BOWTIE]]}, "feature 1, polygon 1, ring 0, ver"),
    ],
)
def test_a_broken_fence_refuses_the_whole_file_with_its_place(
    vigil: Vigil, org: str, file: Callable[..., str], geometry: dict[str, Any], said: str
) -> None:
    path = file((area(SQUARE), {}), (geometry, {}))
    assert said in vigil.failure("fence", "import", path, "--org", org)
    assert vigil.json("fence", "list")["items"] == []


def test_it_is_mended_only_when_asked_and_what_was_mended_is_told(
    vigil: Vigil, org: str, file: Callable[..., str]
) -> None:
    path = file((area(SQUARE), {"name": "a"}), (area(BOWTIE), {"name": "b"}))
    imported = vigil.json("fence", "import", path, "--org", org, "--repair")
    assert [fence["geometry"]["type"] for fence in imported["fences"]] == ["Polygon", "MultiPolygon"]
    (repair,) = imported["repairs"]
    assert repair.startswith("feature 1, ring 0, vertex 0: self-intersection")
    result = vigil.type("fence", "import", path, "--org", org, "--repair", "--data-dir", str(vigil.data_dir))
    assert result.stderr.startswith("repaired feature 1, ring 0, vertex 0")


def test_gcj02_must_be_said_and_believed(vigil: Vigil, org: str, file: Callable[..., str]) -> None:
    path = file((area(SQUARE), {"datum": "GCJ-02"}))
    assert "which is it?" in vigil.failure("fence", "import", path, "--org", org)
    (fence,) = vigil.json("fence", "import", path, "--org", org, "--datum", "gcj02")["fences"]
    lon, lat = fence["geometry"]["coordinates"][0][0]
    assert 0.001 < abs(lon - 121.4) < 0.01
    assert 0.0005 < abs(lat - 31.2) < 0.01
    paris = file((area([[2.3, 48.8], [2.4, 48.8], [2.4, 48.9], [2.3, 48.8]]), {}))
    said = vigil.failure("fence", "import", paris, "--org", org, "--datum", "gcj02")
    assert "expected a place in China, where gcj02 is defined" in said


def test_limits_of_a_fence_are_set_and_let_go(vigil: Vigil, org: str, file: Callable[..., str]) -> None:
    (fence,) = vigil.json("fence", "import", file((area(SQUARE), {"dwell_s": 60})), "--org", org)["fences"]
    command = ("fence", "limits", "--fence", fence["id"])
    head, *lines = vigil(*command)
    assert head.split() == ["name", "value", "unit", "from", "default", "means"]
    assert [line.split()[:4] for line in lines][2] == ["dwell_s", "60", "s", "here"]
    changed = vigil.json(*command, "--set", "dwell_s=2m", "--set", "min_fixes=3")["items"]
    values = {item["name"]: item["value"] for item in changed}
    assert values == {"buffer_m": 25.0, "accuracy_cap_m": 100.0, "dwell_s": 120.0, "min_fixes": 3}
    vigil(*command, "--unset", "dwell_s")
    assert vigil.json("fence", "list")["items"][0]["limits"] == {"min_fixes": 3}
    for wrong, said in (
        ("dwell_s=2h", "0 to 3600"),
        ("radius_m=3", "is unknown"),
        ("min_fixes=1.5", "1 to 20"),
    ):
        assert said in vigil.misuse(*command, "--set", wrong)
    assert "is unknown" in vigil.failure(*command, "--unset", "radius_m")


def test_a_fence_far_from_every_visit_looks_swapped(
    vigil: Vigil, org: str, nurse: str, file: Callable[..., str]
) -> None:
    where = ("--lat", "48.85", "--lon", "2.35", "--start", "now", "--end", "+1h")
    vigil.add("visit", "add", "--nurse", nurse, *where)
    swapped = file((area([[48.8, 2.3], [48.9, 2.3], [48.9, 2.4], [48.8, 2.3]]), {}))
    assert "lat and lon look swapped" in vigil.failure("fence", "import", swapped, "--org", org)
