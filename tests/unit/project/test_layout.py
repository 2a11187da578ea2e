"""The tree itself: where modules may stand, how long they may be, and what must not be in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("devices", "ingest", "safety", "simulators")
LONGEST_MODULE_LINES = 300
# Folders that a checkout may hold beside the tracked ones.
NOT_OURS = {"build", "dist", "docs", "deploy", "vigil-data"}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_python_stands_only_in_the_rooms() -> None:
    strays = [
        folder.name
        for folder in ROOT.iterdir()
        if folder.is_dir()
        and not folder.name.startswith(".")
        and folder.name not in {*PACKAGES, "tests", *NOT_OURS}
        and any(folder.rglob("*.py"))
    ]
    assert strays == []
    assert list(ROOT.glob("*.py")) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_each_room_is_packaged_and_typed(package: str) -> None:
    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert package in wheel["packages"]
    assert (ROOT / package / "__init__.py").is_file()
    assert (ROOT / package / "py.typed").is_file()


def test_no_module_is_too_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in {".py", ".js"}
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE_LINES} == {}


def test_the_lock_pins_by_hash_and_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^[a-z0-9][^\n]*(?:\n {4}--hash[^\n]*)*", lock, flags=re.MULTILINE)
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==[^ ]+ ", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert re.findall(r"://|index-url|find-links|trusted-host", lock) == []


def test_the_lock_covers_what_the_project_asks_for() -> None:
    locked = set(
        re.findall(
            r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    meta = project()["project"]
    asked = [
        *meta["dependencies"],
        *meta["optional-dependencies"]["dev"],
    ]
    names = {re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0].lower().replace("_", "-") for line in asked}
    assert names - locked == set()


def test_every_dependency_has_its_line_in_the_decision() -> None:
    decision = (ROOT / "docs/adr/0002-dependencies.md").read_text(encoding="utf-8").lower()
    meta = project()["project"]
    for line in (
        *meta["dependencies"],
        *meta["optional-dependencies"]["dev"],
    ):
        name = re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0].lower()
        assert re.search(rf"^\| [^|]*{re.escape(name)}[ ,|]", decision, re.MULTILINE), name


def test_pure_code_takes_only_what_is_derived() -> None:
    """import-linter sees modules; `devices.identity` also makes random ids, which would break a replay."""
    pure = [*(ROOT / "safety/domain").rglob("*.py"), *(ROOT / "safety/rules").rglob("*.py")]
    taken = {
        name.strip()
        for path in [*pure, ROOT / "safety/engine.py"]
        for names in re.findall(
            r"^from devices\.identity import (.+)$", path.read_text("utf-8"), re.MULTILINE
        )
        for name in names.split(",")
    }
    assert taken <= {"derived_id", "hash_pin"}
