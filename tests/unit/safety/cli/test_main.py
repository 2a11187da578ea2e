"""The command line as a whole: help, exit codes, the data directory."""

import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safety.cli.main import COMMANDS, app
from safety.store.database import Database, database_url
from tests.unit.safety.cli.conftest import Vigil


def test_help_is_a_page_for_newcomers(vigil: Vigil) -> None:
    page = vigil.type("--help").stdout
    for words in ("Run", "People and visits", "Devices", "Try and measure", "vigil up --demo", "--data-dir"):
        assert words in page
    places = [page.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


LEAVES = [
    "up", "init", "simulate", "bench", "audit verify", "org add", "org list", "nurse add", "nurse list",
    "responder add", "responder list", "user add", "user list", "visit add", "visit list", "fence import",
    "fence list", "fence remove", "policy apply", "policy list", "device add", "device list", "device rotate",
    "device revoke", "device bind", "token create", "org limits", "visit limits", "fence limits", "replay",
]  # fmt: skip


@pytest.mark.parametrize("command", LEAVES)
def test_every_command_explains_itself_and_takes_the_data_directory(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "--data-dir" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        *((), ("org",), ("nonsense",), ("org", "add"), ("up", "--http-port", "70000")),
        *(("up", "--http-host", ""), ("up", "--mqtt-host", ""), ("console", "--http-host", " ")),
        *(
            ("replay", "--from", "yesterday"),
            ("replay", "--from", "-1h", "--to", "soon"),
            ("replay", "--from", "-1h", "--to", "-2h"),
        ),
    ],
)
def test_bad_usage_exits_2(vigil: Vigil, arguments: tuple[str, ...]) -> None:
    assert vigil.type(*arguments).exit_code == 2


def test_the_data_directory_may_be_said_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def orgs(*arguments: str, **environment: str) -> int:
        result = runner.invoke(app, list(arguments), env=environment)
        assert result.exit_code == 0, result.output
        return len(result.stdout.splitlines()) - 1

    runner.invoke(app, ["--data-dir", "a", "org", "add", "--name", "A"])
    assert orgs("org", "list", "--data-dir", "a") == 1
    assert orgs("--data-dir", "a", "org", "list") == 1
    assert orgs("org", "list", VIGIL_DATA_DIR="a") == 1
    assert orgs("--data-dir", "b", "org", "list", "--data-dir", "a") == 1
    assert orgs("--data-dir", "a", "org", "list", VIGIL_DATA_DIR="b") == 1
    assert orgs("org", "list") == 0
    assert (tmp_path / "vigil-data").is_dir()


def test_the_data_directory_is_its_owners_only(vigil: Vigil) -> None:
    vigil("init")
    assert stat.S_IMODE(vigil.data_dir.stat().st_mode) == 0o700
    assert vigil("init") == [f"the store in {vigil.data_dir} is ready"]


def test_what_is_made_is_its_owners_only_even_in_a_directory_for_all(vigil: Vigil) -> None:
    vigil.data_dir.mkdir(mode=0o755)
    vigil.data_dir.chmod(0o755)
    before = os.umask(0o022)
    try:
        vigil("org", "add", "--name", "Care")
        database = Database(database_url(vigil.data_dir))
        with database.writing():
            made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in vigil.data_dir.iterdir()}
        database.close()
        assert os.umask(0o022) == 0o022  # what else a command writes is not its business
    finally:
        os.umask(before)
    assert made == dict.fromkeys(("vigil.db", "vigil.db-wal", "vigil.db-shm"), 0o600)


@pytest.mark.parametrize("arguments", [("org", "list", "--data-dir", ""), ("--data-dir", "", "org", "list")])
def test_an_empty_data_directory_is_bad_usage(
    vigil: Vigil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = vigil.type(*arguments)
    assert result.exit_code == 2
    assert "it is empty" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_data_directory(vigil: Vigil, tmp_path: Path) -> None:
    vigil.data_dir = tmp_path / "file"
    vigil.data_dir.write_text("")
    assert "is a file" in vigil.misuse("org", "list")


def test_a_backup_is_whole_or_says_what_is_not_there(vigil: Vigil, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    vigil("init")
    assert "alarms.db is not there" in vigil.failure("backup", str(copy))
    assert not copy.exists()


def test_a_data_directory_that_cannot_be_is_told_in_one_line(vigil: Vigil, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    vigil.data_dir = tmp_path / "file" / "data"
    assert "cannot be made" in vigil.failure("org", "list")


def test_a_broken_store_is_told_in_one_line(vigil: Vigil) -> None:
    vigil.data_dir.mkdir()
    (vigil.data_dir / "vigil.db").write_bytes(b"this is no database" * 100)
    assert "cannot be used: file is not a database" in vigil.failure("org", "list")


def test_a_bad_setting_stops_the_start(vigil: Vigil) -> None:
    vigil.data_dir.mkdir()
    (vigil.data_dir / "vigil.toml").write_text("http_prot = 1\n")
    for command in ("up", "init"):
        assert "unknown setting http_prot: did you mean http_port?" in vigil.failure(command)


def test_a_replay_of_nothing_is_told_in_one_line(vigil: Vigil) -> None:
    vigil("init")
    assert "there is no event log" in vigil.failure("replay", "--from", "-1h")


def test_an_unknown_benchmark_is_bad_usage(vigil: Vigil) -> None:
    assert "no benchmark 'nonsense'" in vigil.misuse("bench", "nonsense")


def test_only_the_backlog_is_counted_in_fixes(vigil: Vigil) -> None:
    assert "only backlog counts fixes" in vigil.misuse("bench", "engine", "--fixes", "10")
