"""Fence import: all or nothing, and a fault is named with its place."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.datum import to_wgs84
from safety.domain.fence_import import parse_fences
from safety.errors import InvalidInput

SQUARE = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3], [121.4, 31.2]]
HOLE = [[121.42, 31.22], [121.48, 31.22], [121.48, 31.28], [121.42, 31.22]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def text(*features: Any, **more: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, **more}).encode()


def refusal(content: bytes, **options: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_fences(content, **options)
    return str(caught.value)


def test_polygons_points_and_several_polygons_become_fences() -> None:
    elsewhere = [[lon + 1, lat] for lon, lat in SQUARE]
    fences = parse_fences(
        text(
            feature(polygon(SQUARE, HOLE), name="park", mode="keep_out"),
            feature({"type": "Point", "coordinates": [121.4, 31.2, 5.0]}, name="clinic", radius_m=200),
            feature({"type": "MultiPolygon", "coordinates": [[SQUARE], [elsewhere]]}),
        ),
        name="district",
    )
    assert [(fence.name, fence.mode, fence.radius_m) for fence in fences] == [
        ("park", "keep_out", None),
        ("clinic", "stay_in", 200.0),
        ("district 2", "stay_in", None),
    ]
    assert fences[0].geometry == polygon(SQUARE, HOLE)
    assert fences[1].geometry == {"type": "Point", "coordinates": [121.4, 31.2]}


@pytest.mark.parametrize("content", [polygon(SQUARE), feature(polygon(SQUARE))])
def test_a_lone_feature_or_geometry_is_a_fence(content: Any) -> None:
    (fence,) = parse_fences(b"\xef\xbb\xbf" + json.dumps(content).encode(), mode="keep_out")
    assert (fence.name, fence.mode) == ("fence 0", "keep_out")


def test_options_win_over_properties() -> None:
    point = feature({"type": "Point", "coordinates": [121.4, 31.2]}, mode="stay_in", radius_m=5)
    (fence,) = parse_fences(text(point), mode="keep_out", radius_m=70)
    assert (fence.mode, fence.radius_m) == ("keep_out", 70)


def test_gcj02_is_stored_as_wgs84() -> None:
    (fence,) = parse_fences(text(feature(polygon(SQUARE))), datum="gcj02")
    lat, lon = to_wgs84(31.2, 121.4, "gcj02")
    assert fence.geometry["coordinates"][0][0] == pytest.approx([lon, lat], abs=1e-8)
    assert abs(lon - 121.4) > 0.001


BOWTIE = [[121.4, 31.2], [121.5, 31.3], [121.5, 31.2], [121.4, 31.3], [121.4, 31.2]]


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (polygon(SQUARE[:4]), r"feature 1, ring 0, vertex 3: the ring is not closed"),
        (polygon(SQUARE[:2] + SQUARE[:1]), r"feature 1, ring 0: has 2 different points, expected at least 3"),
        (polygon(BOWTIE), r"feature 1, ring 0, vertex [02]: self-intersection after it, at \[121.45"),
        (polygon(SQUARE, BOWTIE), r"feature 1, ring 1, vertex [02]: self-intersection"),
        (polygon([[31.2, 121.4], *SQUARE]), r"feature 1, ring 0, vertex 0: .* lat and lon look swapped"),
        (polygon([[121.4, 31.2], [221.4, 31.2], *SQUARE]), r"ring 0, vertex 1: .* expected a place on earth"),
        (polygon([[121.4, 31.2], ["121.5", 31.2]]), r"ring 0, vertex 1: expected \[lon, lat\] as finite"),
        (polygon([[121.4, 31.2], [True, 31.2]]), r"ring 0, vertex 1: expected \[lon, lat\] as finite"),
        (polygon([[121.4, 31.2], [121.5]]), r"ring 0, vertex 1: expected \[lon, lat\]"),
        (polygon([[1, 1], [2, 2], [3, 3], [1, 1]]), r"ring 0"),
        (
            polygon(SQUARE, [[lon + 5, lat] for lon, lat in SQUARE]),
            r"feature 1, ring 1, vertex 0: its rings cross or lie outside",
        ),
        (polygon(), r"feature 1, geometry: expected a list of rings"),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE[:4]]]}, r"polygon 1, ring 0, vertex 3"),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, r"the polygons overlap"),
        ({"type": "LineString", "coordinates": SQUARE}, r"feature 1, a line has no width"),
        (
            {"type": "LineString", "coordinates": SQUARE[:1]},
            r"line: has 1 different points, expected at least 2",
        ),
        ({"type": "MultiLineString", "coordinates": [SQUARE, [[1, 2], [1]]]}, r"line 1, vertex 1: expected"),
        ({"type": "GeometryCollection"}, r"'GeometryCollection' cannot be a fence"),
        (polygon([[-60, -60], [60, -60], [60, 60], [-60, -60]]), r"km across, expected at most 1000 km"),
        (polygon([[1, 1], [1.000001, 1], [1.000001, 1.000001], [1, 1]]), r"encloses 0.0062 square metres"),
        (polygon([[179, 1], [-179, 1], [-179, 2], [179, 2], [179, 1]]), r"ring 0, vertex 0: passes the anti"),
        ({"type": "Point", "coordinates": [121.4, 31.2]}, r"a Point has no radius"),
        (None, r"properties and geometry: expected objects"),
    ],
)
def test_a_fault_is_named_with_its_place(geometry: Any, expected: str) -> None:
    content = text(feature(polygon(SQUARE)), feature(geometry))
    with pytest.raises(InvalidInput, match=expected):
        parse_fences(content)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"mode": "both"}, "properties.mode: 'both' is unknown"),
        ({"radius_m": "wide"}, "properties.radius_m: 'wide' is not a number"),
        ({"radius_m": -1}, "radius -1 m cannot be used"),
        ({"radius_m": 1, "name": "a\x00b"}, "properties.name holds a control character"),
        ({"radius_m": 1, "name": 5}, "feature 0, properties.name: '5' is not text, expected a name"),
        ({"radius_m": 1, "name": ["ward"]}, "feature 0, properties.name: \"['ward']\" is not text"),
    ],
)
def test_a_bad_property_is_named(properties: dict[str, Any], expected: str) -> None:
    point = feature({"type": "Point", "coordinates": [121.4, 31.2]}, **properties)
    assert expected in refusal(text(point))


@pytest.mark.parametrize("unnamed", [{}, {"name": None}, {"name": ""}, {"name": " "}])
def test_a_feature_without_a_name_is_called_by_its_place(unnamed: dict[str, Any]) -> None:
    (fence,) = parse_fences(text(feature(polygon(SQUARE), **unnamed)), name="district")
    assert fence.name == "district 0"


def test_gcj02_outside_china_is_refused() -> None:
    paris = feature({"type": "Point", "coordinates": [2.35, 48.85]}, radius_m=100)
    assert "expected a place in China, where gcj02 is defined" in refusal(text(paris), datum="gcj02")
    kashgar = feature({"type": "Point", "coordinates": [39.5, 76.0]}, radius_m=100)
    assert "lat and lon look swapped" in refusal(text(kashgar), datum="gcj02")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"type": "Point", "coordinates": [NaN, 1]}', "not JSON"),
        (b'{"type": "Point", "coordinates": [1e400, 1]}', "feature 0|not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "expected an object"),
        (b'{"type": "FeatureCollection"}', "holds no features"),
        (
            b'{"type": "FeatureCollection", "features": []}',
            "the list under `features` is empty",
        ),
        (b'{"type": "FeatureCollection", "features": [5]}', "feature 0, type: expected a Feature"),
        (b" " * 20_000_001, "expected at most 20000000"),
    ],
)
def test_a_file_that_is_no_geojson_is_refused(content: bytes, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        parse_fences(content)


def test_another_coordinate_system_is_refused() -> None:
    def crs(name: str) -> dict[str, Any]:
        return {"type": "name", "properties": {"name": name}}

    assert "EPSG::4479" in refusal(text(feature(polygon(SQUARE)), crs=crs("urn:ogc:def:crs:EPSG::4479")))
    for name in ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"):
        assert parse_fences(text(feature(polygon(SQUARE)), crs=crs(name)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
numbers = st.one_of(st.floats(-200, 200), st.integers(-200, 200), st.integers(), st.floats(), json_values)
positions = st.lists(numbers, max_size=3) | st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(list)
rings = st.lists(positions, max_size=6).map(lambda ring: ring + ring[:1])
geometries = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Polygon", "MultiPolygon", "Point", "Nothing"]),
        "coordinates": rings
        | st.lists(rings, max_size=3)
        | st.lists(st.lists(rings, max_size=3), max_size=2),
    }
)


@given(st.lists(geometries | json_values, max_size=3), st.sampled_from(["wgs84", "gcj02", "bd09"]))
@example([polygon([[0, 0], [10**400, 0], [0, 1], [0, 0]])], "wgs84")
@example([polygon([[0, 0], [5e-324, 0], [0, 5e-324], [0, 0]])], "wgs84")
def test_nothing_but_a_refusal_comes_of_any_geometry(found: list[Any], datum: Any) -> None:
    with suppress(InvalidInput):
        parse_fences(text(*(feature(geometry) for geometry in found)), datum=datum, radius_m=50)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_nothing_but_a_refusal_comes_of_any_file(content: bytes) -> None:
    with suppress(InvalidInput):
        parse_fences(content)
