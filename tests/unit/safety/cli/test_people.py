"""`vigil org`, `nurse`, `responder`, `visit`, `fence`, `policy`."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.rfc3339 import parse_rfc3339
from safety.cli.files import MOST_BYTES
from tests.unit.safety.cli.conftest import Vigil

Write = Callable[[str, str], str]

SQUARE = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3], [121.4, 31.2]]


def test_an_organisation_below_another(vigil: Vigil, org: str) -> None:
    below = vigil.json("org", "add", "--name", "Lujiazui", "--parent", org)
    assert below == {"id": below["id"], "name": "Lujiazui", "parent": org}
    assert below["id"].startswith("org_")
    assert {one["id"] for one in vigil.json("org", "list")["items"]} == {org, below["id"]}
    assert vigil("org", "list")[0].split() == ["id", "name", "parent"]


def test_what_is_added_is_told_before_its_id(vigil: Vigil) -> None:
    said, identity = vigil("org", "add", "--name", "Care")
    assert said == "added organisation Care"
    assert identity.startswith("org_")


def test_a_nurse_with_pins(vigil: Vigil, org: str) -> None:
    arguments = ("nurse", "add", "--org", org, "--name", "Li Na", "--phone", "+86 21", "--pin", "1234")
    added = vigil.json(*arguments, "--duress-pin", "4321")
    assert added == {"id": added["id"], "name": "Li Na", "org": org, "phone": "+86 21"}
    assert "the same" in vigil.failure(*arguments, "--duress-pin", "1234")
    assert len(vigil.json("nurse", "list", "--org", org)["items"]) == 1


def test_a_responder_with_channels(vigil: Vigil, org: str) -> None:
    arguments = ("responder", "add", "--org", org, "--name", "Bo")
    assert vigil.json(*arguments)["channels"] == ["log:"]
    added = vigil.json(
        *arguments, "--channel", "https://a/b", "--channel", "log:", "--lat", "31", "--lon", "121"
    )
    assert added["channels"] == ["https://a/b", "log:"]
    assert (added["lat"], added["lon"]) == (31, 121)
    assert "expected log: or an http(s) URL" in vigil.failure(*arguments, "--channel", "pager")
    assert "belong together" in vigil.failure(*arguments, "--lat", "31")
    assert "https://a/b, log:" in "\n".join(vigil("responder", "list"))


def test_a_visit_from_ten_minutes_ago(vigil: Vigil, org: str, nurse: str) -> None:
    where = ("visit", "add", "--nurse", nurse, "--lat", "31.2", "--lon", "121.5")
    visit = vigil.json(
        *where,
        "--start",
        "-10m",
        "--end",
        "+1h",
        "--check-in-every",
        "30m",
        "--patient",
        "张",
        "--risk",
        "high",
    )
    assert parse_rfc3339(visit["ends_at"]) - parse_rfc3339(visit["starts_at"]) == 70 * 60_000
    assert (visit["check_in_every_s"], visit["radius_m"], visit["patient"]) == (1800, 150, "张")
    assert (visit["risk"], visit["org"], visit["nurse"]) == ("high", org, nurse)
    vigil.add(*where, "--start", "2020-01-01T09:00:00+08:00", "--end", "2020-01-01T10:00:00+08:00")
    assert [one["id"] for one in vigil.json("visit", "list")["items"]] == [visit["id"]]
    assert len(vigil.json("visit", "list", "--past", "--nurse", nurse)["items"]) == 2
    cancelled = vigil.json("visit", "cancel", visit["id"])
    assert (visit["cancelled_at"], cancelled["cancelled_at"] is not None) == (None, True)
    assert vigil.json("visit", "list")["items"] == []
    assert len(vigil.json("visit", "list", "--past")["items"]) == 2
    assert "not after the start" in vigil.failure(*where, "--start", "now", "--end", "now")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--lat", "91", "91 is out of bounds: expected -90 to 90 degrees"),
        ("--lat", "nan", "nan is no number"),
        ("--lon", "nan", "nan is no number"),
        ("--lon", "inf", "inf is out of bounds"),
        ("--lon", "x", "--lon"),
        ("--start", "soon", "--start: time 'soon' cannot be read"),
        ("--end", "2026-11-22T09:00:00", "--end: time '2026-11-22T09:00:00' cannot be read"),
        ("--end", "9999-12-31T23:59:59-14:00", "--end: time '9999-12-31T23:59:59-14:00' cannot be read"),
        ("--start", "0001-01-01T00:00:00+14:00", "--start: time '0001-01-01T00:00:00+14:00' cannot be read"),
        ("--check-in-every", "30", "--check-in-every: duration '30' cannot be read"),
        ("--risk", "some", "--risk"),
    ],
)
def test_a_bad_option_is_bad_usage(vigil: Vigil, nurse: str, option: str, value: str, expected: str) -> None:
    options = {"--nurse": nurse, "--lat": "31", "--lon": "121", "--start": "now", "--end": "+1h"} | {
        option: value
    }
    assert expected in vigil.misuse("visit", "add", *(part for pair in options.items() for part in pair))


def test_nan_is_no_place(vigil: Vigil, nurse: str) -> None:
    times = ("--start", "now", "--end", "+1h")
    result = vigil.type(
        "visit",
        "add",
        "--nurse",
        nurse,
        "--lat",
        "nan",
        "--lon",
        "1",
        *times,
        "--data-dir",
        str(vigil.data_dir),
    )
    assert result.exit_code in (1, 2)
    assert vigil.json("visit", "list")["items"] == []


def test_fences_are_imported_all_or_none(vigil: Vigil, org: str, write: Write) -> None:
    good = {
        "type": "Feature",
        "properties": {"name": "park"},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }
    bad = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [SQUARE[:4]]}}

    def file(*features: object) -> str:
        return write("area.geojson", json.dumps({"type": "FeatureCollection", "features": features}))

    refusal = vigil.failure("fence", "import", file(good, bad), "--org", org)
    assert "area.geojson: feature 1, ring 0, vertex 3: the ring is not closed" in refusal
    assert vigil.json("fence", "list")["items"] == []
    said, *ids = vigil("fence", "import", file(good, good), "--org", org, "--mode", "keep_out")
    assert said == "imported 2 fences"
    fences = vigil.json("fence", "list", "--org", org)["items"]
    assert sorted(fence["id"] for fence in fences) == sorted(ids)
    assert {(fence["name"], fence["mode"]) for fence in fences} == {("park", "keep_out")}
    vigil("fence", "remove", ids[0])
    assert "no fence" in vigil.failure("fence", "remove", ids[0])
    point = {"type": "Point", "coordinates": [121.5, 31.2]}
    shifted = write("clinic.geojson", json.dumps(point))
    (fence,) = vigil.json("fence", "import", shifted, "--org", org, "--datum", "gcj02", "--radius-m", "80")[
        "fences"
    ]
    assert (fence["name"], fence["mode"], fence["radius_m"]) == ("clinic 0", "stay_in", 80)
    assert fence["geometry"]["coordinates"] != point["coordinates"]
    assert "does not exist" in vigil.misuse("fence", "import", "nowhere.geojson", "--org", org)


def test_a_policy_is_applied_once(vigil: Vigil, org: str, write: Write) -> None:
    responder = vigil.add("responder", "add", "--org", org, "--name", "Bo")
    policy = write(
        "policy.yaml",
        f"org: {org}\nname: day\ntiers:\n  - after: 0s\n    responders: [Bo]\n"
        f"  - after: 2m\n    responders: [{responder}]\n",
    )
    said, identity = vigil("policy", "apply", policy)
    assert said == "applied policy day, 2 tiers"
    assert vigil("policy", "apply", policy) == ["unchanged: policy day, 2 tiers", identity]
    assert vigil.json("policy", "apply", policy) == {
        "id": identity,
        "org": org,
        "name": "day",
        "tiers": [{"after_s": 0, "responders": [responder]}, {"after_s": 120, "responders": [responder]}],
    }
    assert [one["id"] for one in vigil.json("policy", "list")["items"]] == [identity]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("tiers: [", "policy.yaml: this is not YAML"),
        ("org: x\nname: a: b", "policy.yaml: this is not YAML: line 2: mapping values are not allowed here"),
        ("{a: &x [*x]}", "policy.yaml: this is not YAML|unknown key"),
        ("\x00", "policy.yaml: this is not YAML"),
        ("name: a\norg: b\nname: c", "policy.yaml: line 3: the key 'name' is there twice"),
        ("tiers:\n- {after: 1s, 'after': 2m}", "policy.yaml: line 2: the key 'after' is there twice"),
        ("{[a]: 1}", "policy.yaml: this is not YAML"),
        ("a: &x {b: 1}\nc: {<<: *x, b: 2}", "unknown key 'a'"),
        ("name: a\ncolour: red", "policy.yaml: the policy: unknown key 'colour'"),
        ("org: org_none\nname: a\ntiers: [{responders: [Bo]}]", "policy.yaml: no organisation org_none"),
    ],
)
def test_a_policy_that_cannot_be_used_is_named(
    vigil: Vigil, write: Write, content: str, expected: str
) -> None:
    said = vigil.failure("policy", "apply", write("policy.yaml", content))
    assert any(part in said for part in expected.split("|"))


@pytest.mark.parametrize(
    "noun", ["nurse", "visit", "fence", "policy", "responder", "user", "device", "gateway"]
)
def test_a_list_of_an_organisation_that_is_not_there_is_no_empty_list(
    vigil: Vigil, org: str, noun: str
) -> None:
    assert vigil.json(noun, "list", "--org", org) == {"items": []}
    assert vigil.failure(noun, "list", "--org", "nope") == "no organisation nope: see `vigil org list`"


@pytest.mark.parametrize("what", ["board", "untested"])
def test_no_device_of_no_organisation_is_worrying(vigil: Vigil, org: str, what: str) -> None:
    assert vigil.json("device", what, "--org", org) == {"items": []}
    assert "no organisation nope" in vigil.failure("device", what, "--org", "nope")


UNDECODABLE = "\udcff"


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "create", "--user", UNDECODABLE),
        ("device", "add", "--kind", "phone", "--nurse", UNDECODABLE),
        ("device", "bind", UNDECODABLE, "--nurse", "nur_a"),
        ("visit", "list", "--nurse", UNDECODABLE),
        ("org", "add", "--name", "A", "--parent", UNDECODABLE),
        ("nurse", "list", "--org", UNDECODABLE),
        (
            "visit",
            "add",
            "--nurse",
            UNDECODABLE,
            "--lat",
            "1",
            "--lon",
            "1",
            "--start",
            "now",
            "--end",
            "+1h",
        ),
    ],
)
def test_an_undecodable_byte_is_told_in_one_line(vigil: Vigil, arguments: tuple[str, ...]) -> None:
    assert vigil.failure(*arguments) == "'\\udcff' holds an undecodable byte: expected UTF-8 text"


@pytest.mark.parametrize("command", ["fence import", "device import", "policy apply"])
def test_what_is_no_file_is_not_read(vigil: Vigil, org: str, tmp_path: Path, command: str) -> None:
    whose = ("--org", org) if command == "fence import" else ()
    assert "/dev/zero is no regular file" in vigil.failure(*command.split(), "/dev/zero", *whose)
    os.mkfifo(tmp_path / "pipe")
    assert "is no regular file" in vigil.failure(*command.split(), str(tmp_path / "pipe"), *whose)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert "expected at most 50000000" in vigil.failure(*command.split(), str(tmp_path / "large"), *whose)


@pytest.mark.parametrize(
    "arguments",
    [
        ("org", "add", "--name", "A", "--parent", "org_none"),
        ("nurse", "add", "--org", "org_none", "--name", "A"),
        ("responder", "add", "--org", "org_none", "--name", "A"),
        ("user", "add", "--org", "org_none", "--login", "a", "--role", "admin"),
        ("device", "add", "--kind", "phone", "--nurse", "nur_none"),
        ("visit", "add", "--nurse", "nur_none", "--lat", "1", "--lon", "1", "--start", "now", "--end", "+1h"),
    ],
)
def test_what_there_is_not_is_named(vigil: Vigil, arguments: tuple[str, ...]) -> None:
    assert "_none" in vigil.failure(*arguments)
