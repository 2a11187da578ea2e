"""`vigil user`, `token`, `device`, `audit`: who may, and what was done."""

import pytest
from sqlalchemy import text

from safety.store.database import Database, database_url
from safety.store.sessions import find_session
from safety.store.users import find_user, verify_password
from tests.unit.safety.cli.conftest import Vigil


def test_a_password_is_made_and_shown_once(vigil: Vigil, org: str) -> None:
    said, shown, identity = vigil("user", "add", "--org", org, "--login", "anna", "--role", "dispatcher")
    password = shown.removeprefix("password (shown only now): ")
    assert said == "added dispatcher anna"
    assert len(password) >= 20
    database = Database(database_url(vigil.data_dir))
    with database.reading() as connection:
        user = find_user(connection, "anna")
        assert user is not None
        assert user.id == identity
        assert verify_password(user, password)
    database.close()
    assert password not in str(vigil.json("user", "list"))


def test_a_password_can_be_given(vigil: Vigil, org: str) -> None:
    arguments = ("user", "add", "--org", org, "--login", "bob", "--role", "admin", "--password-stdin")
    assert "has 5 characters" in vigil.failure(*arguments, stdin="short\n")
    added = vigil.json(*arguments, stdin="long enough to be one\n")
    assert added == {"id": added["id"], "login": "bob", "role": "admin", "org": org}
    assert "taken" in vigil.failure(*arguments, stdin="long enough to be one\n")
    assert "--role" in vigil.misuse("user", "add", "--org", org, "--login", "x", "--role", "king")


def test_a_token_works_until_it_is_over(vigil: Vigil, org: str) -> None:
    user = vigil.json("user", "add", "--org", org, "--login", "anna", "--role", "auditor")
    made = vigil.json("token", "create", "--user", "anna", "--ttl", "2h")
    (token,) = vigil("token", "create", "--user", user["id"])
    database = Database(database_url(vigil.data_dir))
    with database.reading() as connection:
        person = find_session(connection, token, 0)
        longer = find_session(connection, made["token"], 0)
    database.close()
    assert person is not None
    assert longer is not None
    assert (person.login, person.role, person.org) == ("anna", "auditor", org)
    assert 3_500_000 < longer.expires_ms - person.expires_ms <= 3_600_000
    assert made["user"] == "anna"
    assert "no user 'carl'" in vigil.failure("token", "create", "--user", "carl")
    assert "--ttl" in vigil.misuse("token", "create", "--user", "anna", "--ttl", "soon")
    assert "--ttl" in vigil.misuse("token", "create", "--user", "anna", "--ttl", "0s")


def test_a_device_lives_and_is_revoked(vigil: Vigil, org: str, nurse: str) -> None:
    device = vigil.json("device", "add", "--kind", "phone", "--nurse", nurse)
    assert list(device)[:2] == ["id", "secret"]
    assert (device["org"], device["nurse"], device["codec"]) == (org, nurse, "native")
    assert device["secret"] not in "\n".join(vigil("device", "list"))
    renewed = vigil.json("device", "rotate", device["id"])
    assert renewed["id"] == device["id"]
    assert renewed["secret"] != device["secret"]
    other = vigil.add("nurse", "add", "--org", org, "--name", "Wang")
    assert vigil.json("device", "bind", device["id"], "--nurse", other)["nurse"] == other
    assert vigil("device", "revoke", device["id"]) == ["revoked", device["id"]]
    assert [one["revoked"] for one in vigil.json("device", "list", "--org", org)["items"]] == [True]
    for command in (("rotate",), ("bind", "--nurse", nurse)):
        assert f"device {device['id']} is revoked" in vigil.failure("device", *command, device["id"])
    for command in (("rotate",), ("revoke",), ("bind", "--nurse", nurse)):
        assert "no device dev_none" in vigil.failure("device", *command, "dev_none")
    assert "--kind" in vigil.misuse("device", "add", "--kind", "toaster", "--nurse", nurse)


def test_a_button_behind_a_gateway(vigil: Vigil, nurse: str) -> None:
    arguments = ("device", "add", "--kind", "button", "--external-id", "70b3d5", "--nurse", nurse)
    said, shown, identity = vigil(*arguments)
    assert said == f"added button of {nurse}"
    assert shown.startswith("secret (shown only now): ")
    assert f"belongs to {identity}" in vigil.failure(*arguments)
    assert "codec 'morse' is unknown: expected native" in vigil.misuse(*arguments, "--codec", "morse")


def test_a_password_that_is_no_text_is_refused_without_being_shown(vigil: Vigil, org: str) -> None:
    arguments = ("user", "add", "--org", org, "--login", "bob", "--role", "admin", "--password-stdin")
    said = vigil.failure(*arguments, stdin=b"hunter2\xff hunter2\n")
    assert said == "the password holds an undecodable byte: expected UTF-8 text"
    assert "has 0 characters" in vigil.failure(*arguments, stdin=b"")
    assert "expected 8 to 1024" in vigil.failure(*arguments, stdin=b"a" * 1_000_000)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 2", 2),
        ("UPDATE audit SET detail = 'tampered' WHERE seq = 2", 2),
        ("UPDATE audit SET detail = x'ff00' WHERE seq = 1", 1),
        ("UPDATE audit SET hash = CAST(x'ff00' AS TEXT) WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit", 1),
    ],
)
def test_the_audit_trail_is_checked(vigil: Vigil, nurse: str, change: str, named: int) -> None:
    (said,) = vigil("audit", "verify")
    assert said.startswith("2 audit records hold; head ")
    database = Database(database_url(vigil.data_dir))
    with database.writing() as connection:
        connection.execute(text(change))
    database.close()
    assert f"audit record {named} is broken" in vigil.failure("audit", "verify")
