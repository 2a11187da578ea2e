"""Tracks: three formats, one reading of them; what cannot be read is refused with its place."""

import json
from pathlib import Path

import pytest

from devices.rfc3339 import rfc3339
from safety.bench.recording import Reading
from safety.bench.track_files import parse_track, read_track
from safety.bench.tracks import Ground, measure_tracks, parse_outing, read_ground
from safety.errors import InvalidInput
from tests.support.records import HOME_LAT, HOME_LON, METRES_PER_DEGREE, T0_MS, at

NORTH_M = (0.0, *(5.0 for _ in range(30)), *(5.0 + 14.0 * step for step in range(60)))
TRACK = tuple(
    Reading(
        at(10 * number),
        at(10 * number),
        round(HOME_LAT + north_m / METRES_PER_DEGREE, 6),
        HOME_LON,
        5.0 + number % 7,
    )
    for number, north_m in enumerate(NORTH_M)
)
GROUND = Ground(HOME_LAT, HOME_LON, 150.0)
GONE = f"{rfc3339(at(300 + 10 * 12))}/"


def csv_of(track: tuple[Reading, ...]) -> str:
    lines = [f"{r.time_ms},{r.lat},{r.lon},{r.accuracy_m}" for r in track]
    return "\n".join(["Time_ms,Latitude,lng,accuracy", *lines, ""])


def gpx_of(track: tuple[Reading, ...]) -> str:
    points = [
        f'<trkpt lat="{r.lat}" lon="{r.lon}"><ele>4.5</ele><time>{rfc3339(r.time_ms)}</time>'
        f"<extensions><x:accuracy>{r.accuracy_m}</x:accuracy></extensions></trkpt>"
        for r in track
    ]
    head = '<gpx xmlns="http://www.topografix.com/GPX/1/1" xmlns:x="urn:x" version="1.1"><trk><trkseg>'
    return f'<?xml version="1.0"?>{head}{"".join(points)}</trkseg></trk></gpx>'


def geojson_of(track: tuple[Reading, ...]) -> str:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [r.lon, r.lat]},
            "properties": {"time": rfc3339(r.time_ms), "accuracy_m": r.accuracy_m},
        }
        for r in track
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})


@pytest.mark.parametrize(
    ("kind", "text"),
    [(".csv", csv_of(TRACK)), (".gpx", gpx_of(TRACK)), (".geojson", geojson_of(TRACK))],
    ids=["csv", "gpx", "geojson"],
)
def test_every_format_says_the_same(kind: str, text: str) -> None:
    assert parse_track(text.encode(), kind) == TRACK


def test_a_line_with_times_is_a_track() -> None:
    feature = {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[r.lon, r.lat, 3.0] for r in TRACK]},
        "properties": {"coordTimes": [rfc3339(r.time_ms) for r in TRACK]},
    }
    expected = tuple(reading._replace(accuracy_m=None) for reading in TRACK)
    assert parse_track(json.dumps(feature).encode(), ".geojson") == expected


def test_points_are_put_in_order_and_the_same_moment_counts_once() -> None:
    assert parse_track(csv_of((*reversed(TRACK), TRACK[3])).encode(), ".csv") == TRACK


HEAD = "time,lat,lon\n"
GOOD = "2026-11-22T13:00:00Z,31.2,121.4\n"


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        (".csv", HEAD + GOOD, "holds 1 timed points"),
        (".csv", "time,lat\n", "has no column lon"),
        (".csv", HEAD + GOOD + "2026-11-22T13:00:10,31.2,121.4\n", "line 3, time: "),
        (".csv", HEAD + GOOD + "2026-11-22T13:00:10Z,121.4,31.2\n", "line 3, lat 121.4"),
        (".csv", HEAD + GOOD + "2026-11-22T13:00:10Z,nan,121.4\n", "line 3, lat: 'nan'"),
        (".csv", HEAD + GOOD + "1e300,31.2,121.4\n", "line 3, time: "),
        (".csv", HEAD + '"2026', "line 2: "),
        (".gpx", "<gpx><trk>", "is not XML"),
        (".gpx", "<gpx/>", "holds 0 timed points"),
        (".gpx", '<gpx><trkpt lat="1"><time>2026-11-22T13:00:00Z</time></trkpt></gpx>', "lon: missing"),
        (".geojson", "[1, 2]", "feature 0: expected a Feature"),
        (".geojson", "{", "is not JSON"),
        (".geojson", '{"features": 5}', "expected a list"),
        (
            ".geojson",
            '{"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[1, 2]]}}',
            "expected as many",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(kind: str, text: str, what: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_track(text.encode(), kind)
    assert what in str(refused.value)


@pytest.mark.parametrize(
    "declared",
    [
        "<!DOCTYPE gpx>",
        '<!DOCTYPE gpx SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
    ],
)
def test_a_document_type_is_refused(declared: str) -> None:
    with pytest.raises(InvalidInput, match="document type"):
        parse_track((declared + gpx_of(TRACK).removeprefix('<?xml version="1.0"?>')).encode(), ".gpx")


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.kml").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"a\.kml: expected"):
        read_track(tmp_path / "a.kml")


def test_a_track_without_labels_counts_exits(tmp_path: Path) -> None:
    (tmp_path / "a.gpx").write_text(gpx_of(TRACK), encoding="utf-8")
    (tmp_path / "b.csv").write_text(csv_of(TRACK), encoding="utf-8")
    report = measure_tracks([tmp_path / "a.gpx", tmp_path / "b.csv"], GROUND, [])
    exits = {row["what"]: row["value"] for row in report["rows"]}
    assert exits["set difference: exits"] == exits["vigil: exits"] == 2


def test_a_track_with_labels_is_scored(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(csv_of(TRACK), encoding="utf-8")
    report = measure_tracks([tmp_path / "a.csv"], GROUND, [parse_outing(GONE)])
    rows = {row["what"]: row for row in report["rows"]}
    assert rows["true exits"]["value"] == 1
    assert rows["vigil: missed exits"]["ok"]
    assert rows["vigil: delay p95"]["ok"]
    assert rows["vigil: false exits"]["value"] == 0


def test_fences_of_a_file_are_ground_as_well(tmp_path: Path) -> None:
    half = 0.00135
    ring = [
        [HOME_LON + east * half, HOME_LAT + north * half]
        for east, north in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
    ]
    (tmp_path / "f.geojson").write_text(
        json.dumps({"type": "Polygon", "coordinates": [ring]}), encoding="utf-8"
    )
    (tmp_path / "a.csv").write_text(csv_of(TRACK), encoding="utf-8")
    ground = read_ground(tmp_path / "f.geojson")
    report = measure_tracks([tmp_path / "a.csv"], ground, [parse_outing(GONE)])
    rows = {row["what"]: row for row in report["rows"]}
    assert rows["vigil: missed exits"]["ok"]
    assert rows["set difference: missed exits"]["value"] == 0


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-22T13:00:00Z", "x/y", "2026-11-22T13:00:00Z/2026-11-22T12:00:00Z"]
)
def test_a_time_outside_is_two_times(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_outing(text)


def test_times_outside_lie_in_a_track_and_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(csv_of(TRACK), encoding="utf-8")
    early = parse_outing(f"{rfc3339(T0_MS - 9_000_000)}/{rfc3339(T0_MS - 8_000_000)}")
    with pytest.raises(InvalidInput, match="none of the tracks"):
        measure_tracks([tmp_path / "a.csv"], GROUND, [early])
    with pytest.raises(InvalidInput, match="overlap"):
        measure_tracks([tmp_path / "a.csv"], GROUND, [parse_outing(GONE), parse_outing(GONE)])
