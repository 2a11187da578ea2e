"""The documents under docs/ as tests read them: their code blocks, tables and links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block of code: its language, what stands behind it (`channel=alarm`), and its text."""

    language: str
    about: dict[str, str]
    text: str


def read(name: str) -> str:
    """Return the text of a document by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def documents() -> list[str]:
    """Return the paths of all documents that people read."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def blocks(name: str) -> Iterator[Block]:
    """Yield the fenced blocks of a document."""
    for match in _FENCE.finditer(read(name)):
        language, *words = match["info"].split() or [""]
        about = dict(word.partition("=")[::2] for word in words)
        yield Block(language, about, match["text"])


def rows(name: str) -> list[list[str]]:
    """Return the cells of every table row of a document, heads and rules left out."""
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        for line in read(name).splitlines()
        if line.startswith("|")
    ]
    return [row for row in cells if not all(re.fullmatch(r"[-: ]*", cell) for cell in row)]


def code(text: str) -> list[str]:
    """Return what stands between backticks on one line."""
    return re.findall(r"`([^`\n]+)`", text)
