"""The documents against the tree: files, links, settings and numbers are what they say."""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from safety.config import Settings
from tests.support.documents import ROOT, blocks, code, documents, read, rows

# Named in the documents, but made by a running service.
MADE = ("vigil-data/", "demo/", "log/")
FILE = re.compile(r"(?P<path>[\w./-]+\.(?:py|js|yaml|md|toml|png|css|html|lock))(?::(?P<name>[\w.]+))?")
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
# What belongs to one machine or one day, and not into a document.
STALE = re.compile(r"/(?:tmp|work|home|root)/|\bTODO\b|\bFIXME\b|\bXXX\b|(?:^|\s)#\d+\b", re.MULTILINE)
PICTURE = "docs/console.png"
MAX_PICTURE_BYTES = 400_000


def anchors(name: str) -> set[str]:
    """Return the anchors that a renderer gives to a document's headings."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", read(name), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def defines(path: Path, name: str) -> bool:
    """Tell whether the file has what `name` says, e.g. `Runner.step`, each part on a line of its own."""
    source = path.read_text(encoding="utf-8")
    return all(
        re.search(rf"^\s*(?:(?:async )?def|class) {part}\b|^{part}\b.* = ", source, re.MULTILINE)
        for part in name.split(".")
    )


@pytest.mark.parametrize("name", documents())
def test_every_link_leads_somewhere(name: str) -> None:
    for target in LINK.findall(read(name)):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / name).parent / path if path else ROOT / name
        assert place.exists(), target
        if anchor:
            assert anchor in anchors(str(place.resolve().relative_to(ROOT))), target


@pytest.mark.parametrize("name", documents())
def test_every_file_that_is_named_is_there(name: str) -> None:
    for word in code(read(name)):
        match = FILE.fullmatch(word)
        if match is None or "/" not in word or word.startswith(MADE):
            continue
        place = ROOT / match["path"]
        beside = (ROOT / name).parent / match["path"]
        assert place.is_file() or beside.is_file(), word
        if match["name"]:
            assert defines(place, match["name"]), word


def test_the_readme_lists_rooms_that_are_there() -> None:
    listing = read("README.md").partition("## Where things are")[2].partition("Data goes")[0]
    room = ""
    for line in filter(None, listing.splitlines()):
        indent = len(line) - len(line.lstrip())
        for name in re.findall(r"(?:^|\s)([a-z_]+(?:/|\.py))(?=\s)", line.partition("   ")[0] or line[:24]):
            room = name if indent == 4 else room
            assert (ROOT / (name if indent == 4 else room + name)).exists(), name


@pytest.mark.parametrize("name", documents())
def test_nothing_in_it_belongs_to_one_machine_or_day(name: str) -> None:
    assert STALE.findall(read(name)) == []


def test_the_picture_is_there_and_small() -> None:
    picture = (ROOT / PICTURE).read_bytes()
    assert PICTURE in read("README.md")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(picture) <= MAX_PICTURE_BYTES


def test_the_five_files_of_a_panic_stand_in_the_order_of_its_way() -> None:
    (sentence,) = re.findall(r"\*\*Five files[^:]*:\*\* (.*)\. The whole way", read("docs/architecture.md"))
    table = "\n".join(row[1] for row in rows("docs/architecture.md"))
    files = code(sentence)
    whole = "\n".join(" ".join(row) for row in rows("docs/architecture.md"))
    assert len(files) == 5
    assert table
    assert [whole.index(file) for file in files] == sorted(whole.index(file) for file in files)


# ---------------------------------------------------------------------------------------------- settings


def documented_settings() -> dict[str, str]:
    """Return the default of each setting as the document says it."""
    return {
        code(row[0])[0]: code(row[1])[0] if code(row[1]) else row[1]
        for row in rows("docs/configuration.md")
        if code(row[0])
    }


def test_every_setting_is_in_the_document_with_its_default() -> None:
    defaults = {
        name: "none" if field.default is None else json.dumps(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert documented_settings() == defaults


def test_every_setting_does_something() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "safety").rglob("*.py")
        if path.name != "config.py"
    )
    assert [name for name in Settings.model_fields if f"settings.{name}" not in source] == []


def test_the_example_of_the_settings_file_can_be_used() -> None:
    (example,) = (block for block in blocks("docs/configuration.md") if block.language == "toml")
    assert Settings(**tomllib.loads(example.text)).keep_log_days == 180


# ----------------------------------------------------------------------------------------------- numbers


def numbers() -> list[tuple[str, str]]:
    """Return (`path:NAME`, value) of every number in the rules' tables."""
    return [
        (code(row[0])[0], row[1])
        for row in rows("docs/rules.md")
        if code(row[0]) and re.fullmatch(r"safety/[\w/]+\.py:[A-Z_]+(?:\[\w+\])?", code(row[0])[0])
    ]


@pytest.mark.parametrize(("where", "value"), numbers())
def test_a_rule_has_the_number_that_is_written_down(where: str, value: str) -> None:
    path, _, name = where.partition(":")
    name, _, key = name.rstrip("]").partition("[")
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    actual = getattr(module, name)
    actual = actual[key] if key else actual
    match value.split():
        case [number, unit] if name.endswith("_MS"):
            scale_ms = {"s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]
            assert float(number) * scale_ms == actual
        case [number, *_]:
            assert float(number) == actual
        case _:
            raise AssertionError(f"{where}: no number in {value!r}")
