"""`vigil device`: links and QR codes, tables that are taken whole or not at all, history and tests."""

import base64
import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.safety.cli.conftest import Vigil

Write = Callable[[str, str], str]


@pytest.fixture
def public(vigil: Vigil) -> None:
    vigil.data_dir.mkdir()
    settings = 'public_url = "https://care.example"\npublic_mqtt_url = "mqtts://care.example:8883"\n'
    (vigil.data_dir / "vigil.toml").write_text(settings)


def test_a_phone_is_set_up_by_its_qr_code(vigil: Vigil, public: None, nurse: str) -> None:
    arguments = ("device", "add", "--kind", "phone", "--nurse", nurse, "--codec", "owntracks", "--qr")
    lines = vigil(*arguments)
    assert lines[-1].startswith("dev_")
    secret = lines[1].rpartition(" ")[2]
    (link,) = (line.rpartition(" ")[2] for line in lines if line.startswith("link"))
    config = json.loads(base64.b64decode(link.partition("inline=")[2], validate=True))
    assert (config["username"], config["password"], config["host"]) == (lines[-1], secret, "care.example")
    assert sum("█" in line for line in lines) > 20
    renewed = vigil.json("device", "rotate", lines[-1])
    assert renewed["secret"] != secret
    assert renewed["settings"]["password"] == renewed["secret"]


def test_what_only_this_machine_finds_is_said(vigil: Vigil, nurse: str) -> None:
    result = vigil.type(
        *("device", "add", "--kind", "phone", "--nurse", nurse, "--qr", "--data-dir", str(vigil.data_dir))
    )
    assert "set public_url" in result.stderr


def test_a_table_comes_in_whole_with_its_secrets_in_a_file(
    vigil: Vigil, public: None, org: str, nurse: str, write: Write, tmp_path: Path
) -> None:
    table = write(
        "d.csv",
        "kind,nurse,codec,external_id\nphone,Li Na,owntracks,\nbutton,Li Na,chirpstack,24E124535C100001\n",
    )
    assert vigil("device", "import", table, "--dry-run") == ["2 devices and no fault: they would be added"]
    assert vigil.json("device", "list") == {"items": []}
    out = tmp_path / "secrets.csv"
    vigil("device", "import", table, "--out", str(out), "--org", org)
    assert out.stat().st_mode & 0o777 == 0o600
    made = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [(row["kind"], row["nurse"], row["external_id"]) for row in made] == [
        ("phone", nurse, ""),
        ("button", nurse, "24E124535C100001"),
    ]
    assert made[0]["link"].startswith("owntracks:///config?inline=")
    assert {item["id"] for item in vigil.json("device", "list")["items"]} == {row["id"] for row in made}


def test_a_table_with_faults_adds_nothing_and_tells_all_of_them(
    vigil: Vigil, nurse: str, write: Write
) -> None:
    table = write("d.csv", "kind,nurse\nphone,Li Na\npager,Li Na\nphone,Wang\n")
    result = vigil.type("device", "import", table, "--data-dir", str(vigil.data_dir))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "line 3, kind: 'pager' is unknown: expected phone or recorder or button",
        "line 4, nurse: there is no nurse 'Wang': expected an id or a name",
    ]
    assert result.stderr.strip().endswith("d.csv has 2 faults: nothing was imported")
    assert vigil.json("device", "list") == {"items": []}


def test_secrets_that_cannot_be_kept_are_not_made(
    vigil: Vigil, nurse: str, write: Write, tmp_path: Path
) -> None:
    table = write("d.csv", "kind,nurse\nphone,Li Na\n")
    taken = write("taken.csv", "not ours")
    assert "is there already" in vigil.failure("device", "import", table, "--out", taken)
    assert vigil.json("device", "list") == {"items": []}
    assert Path(taken).read_text() == "not ours"


def test_who_had_a_device_is_kept(vigil: Vigil, org: str, nurse: str) -> None:
    other = vigil.add("nurse", "add", "--org", org, "--name", "Wang")
    device = vigil.add("device", "add", "--kind", "button", "--nurse", nurse)
    vigil("device", "bind", device, "--nurse", other)
    vigil("device", "revoke", device)
    items = vigil.json("device", "history", device)["items"]
    assert [(item["nurse_name"], item["ended_how"]) for item in items] == [
        ("Wang", "revoked"),
        ("Li Na", "handed_over"),
    ]
    assert items[1]["to"] == items[0]["from"]


def test_a_test_is_planned_and_what_was_never_tested_is_listed(vigil: Vigil, nurse: str) -> None:
    device = vigil.add("device", "add", "--kind", "button", "--nurse", nurse)
    assert vigil.json("device", "test", device, "--within", "5m")["test_until"]
    assert "10s to 1h" in vigil.failure("device", "test", device, "--within", "2h")
    assert [item["id"] for item in vigil.json("device", "untested", "--days", "30")["items"]] == [device]
    (item,) = vigil.json("device", "board")["items"]
    assert (item["id"], item["reasons"]) == (device, ["never_heard", "untested"])
