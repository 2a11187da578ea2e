"""`vigil org limits` and `vigil visit limits`."""

from typing import Any

from tests.unit.safety.cli.conftest import Vigil


def value(listed: dict[str, Any], name: str) -> tuple[Any, str]:
    (item,) = (item for item in listed["items"] if item["name"] == name)
    return item["value"], item["from"]


def test_all_limits_are_listed_with_their_units(vigil: Vigil, org: str) -> None:
    head, *lines = vigil("org", "limits", "--org", org)
    assert head.split() == ["name", "value", "unit", "from", "default", "means"]
    (window,) = (line for line in lines if line.startswith("cancel_window_s"))
    assert window.split()[:5] == ["cancel_window_s", "30", "s", "default", "30"]


def test_limits_are_set_and_let_go(vigil: Vigil, org: str) -> None:
    below = vigil.add("org", "add", "--name", "Lujiazui", "--parent", org)
    vigil("org", "limits", "--org", org, "--set", "check_in_grace_s=60", "--set", "arrival_grace_s=10m")
    listed = vigil.json("org", "limits", "--org", below, "--set", "phone_silent_s=none")
    assert value(listed, "check_in_grace_s") == (60.0, "above")
    assert value(listed, "arrival_grace_s") == (600.0, "above")
    assert value(listed, "phone_silent_s") == (None, "here")
    listed = vigil.json("org", "limits", "--org", below, "--unset", "phone_silent_s")
    assert value(listed, "phone_silent_s") == (180.0, "default")


def test_a_visit_of_high_risk_shows_what_becomes_of_it(vigil: Vigil, org: str) -> None:
    nurse = vigil.add("nurse", "add", "--org", org, "--name", "Li Na")
    where = ("--lat", "31.2", "--lon", "121.4", "--start", "now", "--end", "+1h", "--risk", "high")
    visit = vigil.add("visit", "add", "--nurse", nurse, *where)
    listed = vigil.json("visit", "limits", "--visit", visit, "--set", "overrun_grace_s=5m")
    assert value(listed, "overrun_grace_s") == (300.0, "here")
    assert value(listed, "arrival_grace_s") == (450.0, "above")


def test_bad_limits_are_bad_usage(vigil: Vigil, org: str) -> None:
    for wrong, said in (
        ("nonsense=1", "is unknown"),
        ("cancel_window_s", "expected NAME=VALUE"),
        ("cancel_window_s=999", "0 to 300 s"),
        ("cancel_window_s=soon", "cannot be read"),
    ):
        assert said in vigil.misuse("org", "limits", "--org", org, "--set", wrong)
    assert "battery_low_pct <" in vigil.failure("org", "limits", "--org", org, "--set", "battery_low_pct=60")
    assert "no organisation" in vigil.failure("org", "limits", "--org", "org_none")
