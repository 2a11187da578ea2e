"""What `vigil simulate` does before the simulators take over: whose token it makes."""

import json
from pathlib import Path

import pytest

from safety.cli.common import writing
from safety.cli.simulate import make_token, org_of
from safety.errors import InvalidInput
from tests.unit.safety.cli.conftest import Vigil


@pytest.fixture
def orgs(vigil: Vigil) -> list[str]:
    return [vigil.add("org", "add", "--name", name) for name in ("first", "second", "third")]


def credentials(vigil: Vigil, path: Path, *orgs: str) -> Path:
    """A file of what `vigil device add --json` prints for a device of each."""
    nurses = [vigil.add("nurse", "add", "--org", org, "--name", "Anna") for org in orgs]
    made = [vigil.json("device", "add", "--kind", "phone", "--nurse", nurse) for nurse in nurses]
    path.write_text("".join(json.dumps(each) + "\n" for each in made))
    return path


def simulators(vigil: Vigil, devices: Path | None) -> dict[str, str]:
    """Have a token made, and return the logins of the simulators' supervisors with their organisations."""
    with writing(vigil.data_dir) as desk:
        make_token(desk, org_of(desk, devices) if devices else None)
    return {user["login"]: user["org"] for user in vigil.json("user", "list")["items"]}


def test_the_token_is_of_the_organisation_whose_devices_are_given(
    vigil: Vigil, orgs: list[str], tmp_path: Path
) -> None:
    _first, second, third = orgs
    of_second = credentials(vigil, tmp_path / "second.json", second, second)
    assert simulators(vigil, of_second) == {"simulator": second}
    of_third = credentials(vigil, tmp_path / "third.json", third)
    added = {"simulator": second, f"simulator-{third}": third}
    assert [simulators(vigil, each) for each in (of_third, of_third, of_second, None)] == [added] * 4


def test_a_supervisor_above_them_is_enough(vigil: Vigil, orgs: list[str], tmp_path: Path) -> None:
    below = vigil.add("org", "add", "--name", "below", "--parent", orgs[0])
    assert simulators(vigil, None) == {"simulator": orgs[0]}
    assert simulators(vigil, credentials(vigil, tmp_path / "below.json", below)) == {"simulator": orgs[0]}


@pytest.mark.parametrize("text", [None, "[]", '{"id": "dev_unknown", "secret": "s"}'])
def test_a_file_that_names_no_device_of_ours_changes_nothing(
    vigil: Vigil, orgs: list[str], tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "devices.json"
    if text is not None:
        path.write_text(text)
    assert simulators(vigil, path) == {"simulator": orgs[0]}


def test_devices_of_several_organisations_need_a_token_of_somebody_above_them(
    vigil: Vigil, orgs: list[str], tmp_path: Path
) -> None:
    mixed = credentials(vigil, tmp_path / "mixed.json", orgs[0], orgs[1])
    with writing(vigil.data_dir) as desk, pytest.raises(InvalidInput, match="give --token") as refusal:
        org_of(desk, mixed)
    assert all(org in str(refusal.value) for org in orgs[:2])
