"""`vigil gateway`: what it prints, once, and what it refuses."""

from devices.registry.sql import SqlDeviceRegistry
from safety.store.database import Database, database_url
from tests.unit.safety.cli.conftest import Vigil


def test_a_gateway_is_added_listed_renewed_and_refused(vigil: Vigil, org: str) -> None:
    added = vigil.json("gateway", "add", "--org", org, "--codec", "traccar", "--name", "Depot")
    assert added["id"].startswith("gtw_")
    assert (added["name"], added["org"], added["codec"], added["revoked"]) == ("Depot", org, "traccar", False)
    database = Database(database_url(vigil.data_dir))
    registry = SqlDeviceRegistry(database.engine)
    found = registry.authenticate(added["id"], added["secret"])
    assert found is not None
    assert (found.kind, found.nurse, found.codec) == ("gateway", None, "traccar")
    renewed = vigil.json("gateway", "rotate", added["id"])
    assert registry.authenticate(added["id"], added["secret"]) is None
    assert registry.authenticate(added["id"], renewed["secret"]) is not None
    assert vigil("gateway", "revoke", added["id"])[-1] == added["id"]
    assert registry.authenticate(added["id"], renewed["secret"]) is None
    [listed] = vigil.json("gateway", "list", "--org", org)["items"]
    assert (listed["id"], listed["revoked"]) == (added["id"], True)
    assert "secret" not in listed
    again = vigil.type("gateway", "rotate", added["id"], "--data-dir", str(vigil.data_dir))
    assert (again.exit_code, again.stdout) == (1, "")
    assert f"gateway {added['id']} is revoked: add a new one in its place" in again.stderr
    database.close()


def test_the_last_line_is_the_id_and_the_name_is_the_dialect_unless_said(vigil: Vigil, org: str) -> None:
    said = vigil("gateway", "add", "--org", org, "--codec", "chirpstack")
    assert said[-1].startswith("gtw_")
    assert [one["name"] for one in vigil.json("gateway", "list")["items"]] == ["chirpstack"]


def test_a_gateway_is_no_device(vigil: Vigil, org: str, nurse: str) -> None:
    gateway = vigil("gateway", "add", "--org", org, "--codec", "jt808")[-1]
    assert vigil.json("device", "list")["items"] == []
    where = ("--data-dir", str(vigil.data_dir))
    for command in (("bind", "--nurse", nurse), ("rotate",), ("revoke",)):
        result = vigil.type("device", *command, gateway, *where)
        assert (result.exit_code, "no device" in result.stderr) == (1, True), result.output
    device = vigil.json("device", "add", "--kind", "button", "--nurse", nurse)["id"]
    result = vigil.type("gateway", "revoke", device, *where)
    assert (result.exit_code, "no gateway" in result.stderr) == (1, True)


def test_what_is_no_gateway_is_refused(vigil: Vigil, org: str) -> None:
    where = ("--data-dir", str(vigil.data_dir))
    for options, code in (
        (("--org", org, "--codec", "native"), 2),
        (("--org", "org_none", "--codec", "traccar"), 1),
    ):
        assert vigil.type("gateway", "add", *options, *where).exit_code == code
    assert vigil.json("gateway", "list")["items"] == []
