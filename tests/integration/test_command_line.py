"""The command line as operators run it: processes of its own, beside others that use the same store."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.orgs import list_orgs
from tests.support.postgres import Postgres
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration

VIGIL = [sys.executable, "-m", "safety.cli"]
ROOT = Path(__file__).parents[2]


def vigil(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*VIGIL, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False, **options
    )


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command."""
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*VIGIL, *arguments], text=True, cwd=ROOT, **pipes)


def test_many_first_commands_at_once_all_succeed(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "data"))
    running = [start("org", "add", "--name", f"Care {n}", *where) for n in range(5)]
    running.append(start("init", *where))
    for each in running:
        said, complaint = each.communicate(timeout=PATIENCE_S)
        assert (each.returncode, complaint) == (0, ""), said
    listed = vigil("org", "list", "--json", *where)
    assert sorted(org["name"] for org in json.loads(listed.stdout)["items"]) == [
        f"Care {n}" for n in range(5)
    ]
    assert vigil("audit", "verify", *where).returncode == 0


def test_a_command_waits_for_a_writer_of_the_running_service(tmp_path: Path) -> None:
    database = Database(database_url(tmp_path))
    migrate(database.engine)
    with database.writing():
        waiting = start("org", "add", "--name", "Care", "--data-dir", str(tmp_path))
        # It cannot be done before the service's own transaction is.
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=1.5)
    assert waiting.wait(timeout=PATIENCE_S) == 0
    waiting.communicate()
    with database.reading() as connection:
        assert [org.name for org in list_orgs(connection)] == ["Care"]
    database.close()


def test_exit_codes_and_one_clear_line(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "data"))
    assert vigil("--help").returncode == 0
    misuse = vigil("org", "add", *where)
    assert (misuse.returncode, misuse.stdout) == (2, "")
    failure = vigil("nurse", "add", "--org", "org_none", "--name", "A", *where)
    assert (failure.returncode, failure.stdout) == (1, "")
    assert failure.stderr == "vigil: no organisation org_none: see `vigil org list`\n"
    undecodable = vigil("org", "add", "--name", b"\xff", *where)  # type: ignore[arg-type]  # bytes are the point
    assert undecodable.returncode == 1
    assert "undecodable" in undecodable.stderr


def test_a_password_from_a_closed_stdin_is_told_in_one_line(tmp_path: Path) -> None:
    arguments = ("user", "add", "--org", "o", "--login", "l", "--role", "admin", "--password-stdin")
    refused = vigil(*arguments, "--data-dir", str(tmp_path), preexec_fn=lambda: os.close(0))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "vigil: the password cannot be read: stdin is closed\n"


@pytest.mark.parametrize("door", ["--http-port", "--mqtt-port"])
def test_a_taken_port_is_told_in_one_line(tmp_path: Path, door: str) -> None:
    other = "--mqtt-port" if door == "--http-port" else "--http-port"
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = str(holder.getsockname()[1])
        refused = vigil("up", "--data-dir", str(tmp_path), door, taken, other, "0")
    assert_taken(refused, taken)


def test_so_it_is_of_a_part_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    (tmp_path / "vigil.toml").write_text(f'database_url = "{postgres.store()}"\n', encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = str(holder.getsockname()[1])
        refused = vigil("console", "--data-dir", str(tmp_path), "--http-port", taken)
    assert_taken(refused, taken)


def assert_taken(refused: subprocess.CompletedProcess[str], port: str) -> None:
    assert (refused.returncode, refused.stdout) == (1, "")
    [line] = refused.stderr.splitlines()
    assert line.startswith("vigil: ")
    assert f"127.0.0.1:{port}" in line
    assert "in use" in line


@pytest.mark.parametrize("command", ["up", "init"])
def test_a_bad_setting_stops_the_start(tmp_path: Path, command: str) -> None:
    refused = vigil(command, "--data-dir", str(tmp_path), env={"VIGIL_HTTP_PROT": "1", "PATH": ""})
    assert refused.returncode == 1
    assert refused.stderr == "vigil: unknown setting VIGIL_HTTP_PROT: did you mean VIGIL_HTTP_PORT?\n"


def test_a_scenario_that_is_not_there_is_told_and_reported(tmp_path: Path) -> None:
    where, report = ("--data-dir", str(tmp_path / "data")), tmp_path / "report.xml"
    vigil("init", *where)
    missing = vigil("simulate", "nowhere.yaml", "--junit", str(report), *where)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == "vigil: cannot read nowhere.yaml: No such file or directory\n"
    [failure] = ElementTree.parse(report).iter("failure")  # noqa: S314 - our own text
    assert "nowhere.yaml" in failure.get("message", "")
    assert json.loads(vigil("user", "list", "--json", *where).stdout)["items"] == []


def test_a_scenario_is_played_in_the_simulators_own_process(tmp_path: Path) -> None:
    scenario = tmp_path / "broken.yaml"
    scenario.write_text("name: [")
    where = ("--data-dir", str(tmp_path / "data"))
    vigil("init", *where)
    played = vigil("simulate", str(scenario), "--seed", "7", *where)
    assert played.returncode == 1
    assert "broken.yaml" in played.stdout + played.stderr
    users = json.loads(vigil("user", "list", "--json", *where).stdout)["items"]
    assert [(user["login"], user["role"]) for user in users] == [("simulator", "supervisor")]
