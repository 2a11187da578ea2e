"""Fence import: what is mended when asked, what is refused all the same, and what features may say."""

import json
from typing import Any

import pytest
from shapely.geometry import shape

from safety.domain.fence_import import FenceDraft, parse_fences
from safety.domain.fence_limits import FenceLimits
from safety.errors import InvalidInput

SQUARE = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3], [121.4, 31.2]]
BOWTIE = [[121.4, 31.2], [121.5, 31.3], [121.5, 31.2], [121.4, 31.3], [121.4, 31.2]]
OUTSIDE = [[lon + 0.5, lat] for lon, lat in SQUARE]


def feature(geometry: Any, **properties: Any) -> bytes:
    return json.dumps({"type": "Feature", "properties": properties, "geometry": geometry}).encode()


def area(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def read(content: bytes, **options: Any) -> FenceDraft:
    (draft,) = parse_fences(content, **options)
    return draft


@pytest.mark.parametrize(
    ("geometry", "told", "kind", "part"),
    [
        (area(SQUARE[:4]), "ring 0, vertex 3: the ring is not closed", "Polygon", 1.0),
        (area(BOWTIE), "ring 0, vertex 0: self-intersection", "MultiPolygon", 0.5),
        (area(SQUARE, OUTSIDE), "ring 1, vertex 0: its rings cross or lie outside", "Polygon", 1.0),
        (
            {"type": "MultiPolygon", "coordinates": [[SQUARE], [[[lon + 0.05, lat] for lon, lat in SQUARE]]]},
            "the polygons overlap",
            "Polygon",
            1.5,
        ),
    ],
)
def test_what_can_be_mended_is_mended_when_asked(geometry: Any, told: str, kind: str, part: float) -> None:
    with pytest.raises(InvalidInput, match=told):
        parse_fences(feature(geometry))
    draft = read(feature(geometry), repair=True)
    assert told in draft.repairs[0]
    mended = shape(draft.geometry)
    assert (mended.geom_type, mended.is_valid) == (kind, True)
    assert mended.area == pytest.approx(part * 0.01, rel=1e-3)
    again = read(json.dumps(draft.geometry).encode())
    assert (again.geometry, again.repairs) == (draft.geometry, ())


def test_a_sound_shape_needs_no_repair() -> None:
    assert read(feature(area(SQUARE)), repair=True) == read(feature(area(SQUARE)))


def test_a_shape_that_passes_the_antimeridian_is_cut_there() -> None:
    draft = read(feature(area([[179, 1], [-179, 1], [-179, 2], [179, 2], [179, 1]])), repair=True)
    assert draft.geometry["type"] == "MultiPolygon"
    assert shape(draft.geometry).bounds == (-180, 1, 180, 2)
    assert shape(draft.geometry).area == pytest.approx(2)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (area(SQUARE[:2]), "2 different points"),
        (area([[1, 1], [2, 2], [3, 3], [1, 1]]), "nothing is left of it after the repair"),
        (area([[31.2, 121.4], [31.3, 121.4], [31.3, 121.5]]), "lat and lon look swapped"),
        (area([[0, 80], [120, 80], [-120, 80], [0, 80]]), "ring 0"),
    ],
)
def test_what_cannot_be_mended_is_refused_all_the_same(geometry: Any, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        parse_fences(feature(geometry), repair=True)


def test_a_corridor_has_a_width() -> None:
    line = {"type": "LineString", "coordinates": SQUARE[:3]}
    assert read(feature(line, width_m=80)).width_m == 80
    assert read(feature(line, width_m=80), width_m=50).width_m == 50
    with pytest.raises(InvalidInput, match="width -1 m cannot be used"):
        parse_fences(feature(line, width_m=-1))


def test_a_feature_may_have_hours_and_limits() -> None:
    hours = {"days": "mon-fri", "from": "22:00", "to": "06:00", "zone": "Asia/Shanghai"}
    draft = read(feature(area(SQUARE), schedule=hours, dwell_s=60, min_fixes=4))
    assert draft.schedule is not None
    assert (draft.schedule.opens, draft.schedule.closes) == (22 * 60, 6 * 60)
    assert draft.limits == FenceLimits(dwell_s=60.0, min_fixes=4)


@pytest.mark.parametrize(
    "properties",
    [
        {"dwell_s": "long"},
        {"dwell_s": -1},
        {"min_fixes": 1.5},
        {"min_fixes": True},
        {"buffer_m": 1e9},
        {"accuracy_cap_m": 0},
    ],
)
def test_a_limit_that_makes_no_sense_is_named(properties: dict[str, Any]) -> None:
    (name,) = properties
    with pytest.raises(InvalidInput, match=rf"feature 0, properties.{name}: .* cannot be used"):
        parse_fences(feature(area(SQUARE), **properties))


@pytest.mark.parametrize(
    ("told", "datum"), [("GCJ-02", "wgs84"), ("WGS 84", "gcj02"), ("bd09", "gcj02"), ("mars", "wgs84")]
)
def test_a_datum_that_contradicts_the_file_is_refused(told: str, datum: str) -> None:
    with pytest.raises(InvalidInput, match="which is it"):
        parse_fences(feature(area(SQUARE), datum=told), datum=datum)  # type: ignore[arg-type]  # a datum


def test_a_crs_that_contradicts_the_datum_is_refused() -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    content = json.dumps({**area(SQUARE), "crs": crs}).encode()
    read(content)
    with pytest.raises(InvalidInput, match="crs: says wgs84, but the coordinates are given as gcj02"):
        parse_fences(content, datum="gcj02")


def test_a_fence_far_from_all_visits_looks_swapped() -> None:
    paris = [(48.85, 2.35), (48.9, 2.3)]
    swapped = [[lat, lon] for lon, lat in [[2.3, 48.8], [2.4, 48.8], [2.4, 48.9], [2.3, 48.8]]]
    read(feature(area(swapped)))
    with pytest.raises(InvalidInput, match="far from every place of the organisation"):
        parse_fences(feature(area(swapped)), near=paris)
    read(feature(area(SQUARE)), near=paris)
