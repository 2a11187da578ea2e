"""The pytest plugin as an app team uses it: the example of its document, with a Vigil of its own."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from simulators import pytest_plugin
from tests.support.documents import ROOT, blocks
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration

DOCUMENT = "docs/testing-a-device.md"


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in `folder` in a process of its own, with the plugin and nothing else of ours."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", pytest_plugin.__name__, "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,
        check=False,
    )


def test_the_example_of_the_document_holds_against_a_vigil_that_the_plugin_starts(tmp_path: Path) -> None:
    (example,) = (block.text for block in blocks(DOCUMENT) if block.language == "python")
    assert "within_s=5)" in example
    patient = example.replace("within_s=5)", f"within_s={PATIENCE_S:g})")
    (tmp_path / "test_our_app.py").write_text(patient)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{example.count('def test_')} passed" in done.stdout


def test_a_running_vigil_needs_its_broker_and_a_token(tmp_path: Path) -> None:
    (tmp_path / "test_any.py").write_text("def test_any(): pass\n")
    done = run(tmp_path, "--vigil-api", "http://127.0.0.1:1", "--vigil-broker", "mqtt://127.0.0.1:1")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--vigil-api needs --vigil-broker and --vigil-token" in done.stderr


def test_a_vigil_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_any.py").write_text("def test_any(vigil_device): vigil_device()\n")
    where = ("--vigil-api", "http://127.0.0.1:1", "--vigil-broker", "mqtt://127.0.0.1:1")
    done = run(tmp_path, *where, "--vigil-token", "t")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "cannot reach Vigil at http://127.0.0.1:1: " in done.stdout


def test_pytest_finds_the_plugin_by_itself() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"vigil": pytest_plugin.__name__}
