"""The command line on a data directory of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from safety.cli.main import app


class Vigil:
    """Types commands, as `vigil ARGUMENTS --data-dir D`, and reads what they print."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._runner = CliRunner()

    def type(self, *arguments: str, stdin: str | bytes = "") -> Result:
        """Run a command as it is; whatever it exits with."""
        return self._runner.invoke(app, list(arguments), input=stdin, prog_name="vigil")

    def __call__(self, *arguments: str, stdin: str | bytes = "") -> list[str]:
        """Run a command that must succeed; returns the lines it printed."""
        result = self.type(*arguments, "--data-dir", str(self.data_dir), stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    def add(self, *arguments: str) -> str:
        """Run an `add` that must succeed; returns the new id."""
        return self(*arguments)[-1]

    def json(self, *arguments: str, stdin: str | bytes = "") -> Any:
        """Run a command with `--json` that must succeed; returns what it printed."""
        (line,) = self(*arguments, "--json", stdin=stdin)
        return json.loads(line)

    def failure(self, *arguments: str, stdin: str | bytes = "") -> str:
        """Run a command that must fail; returns its one line on stderr."""
        result = self.type(*arguments, "--data-dir", str(self.data_dir), stdin=stdin)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("vigil: ")
        return line.removeprefix("vigil: ")

    def misuse(self, *arguments: str) -> str:
        """Run a command that is bad usage; returns what it said."""
        result = self.type(*arguments, "--data-dir", str(self.data_dir))
        assert result.exit_code == 2, result.output
        return " ".join(result.stderr.replace("│", " ").split())


@pytest.fixture
def vigil(tmp_path: Path) -> Vigil:
    return Vigil(tmp_path / "data")


@pytest.fixture
def org(vigil: Vigil) -> str:
    return vigil.add("org", "add", "--name", "浦东护理")


@pytest.fixture
def nurse(vigil: Vigil, org: str) -> str:
    return vigil.add("nurse", "add", "--org", org, "--name", "Li Na")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    def write(name: str, content: str) -> str:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write
