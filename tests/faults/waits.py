"""Waits: how long people waited for the first alerts after a fault, by its kind, as a table. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

WITHOUT_A_WORKER_S = 10.0
AFTER_HEALING_S = 5.0


class Wait(NamedTuple):
    """From a fault of `kind` (`during`), or from its end, until an alarm of each partition was on a page."""

    kind: str
    during: bool
    took_s: float


def table(waits: Iterable[Wait]) -> list[str]:
    """Return the lines of a table in Markdown: kinds, and how long it took while it lasted and after."""
    lines = [
        "| fault | rounds | while it lasts: median, worst (s) | after healing: median, worst (s) |",
        "| --- | --- | --- | --- |",
    ]
    for kind, (during, after) in sorted(_by_kind(waits).items()):
        lines.append(f"| {kind} | {len(after)} | {_shown(during)} | {_shown(after)} |")
    return lines


def late(waits: Iterable[Wait], workers: Sequence[str]) -> list[str]:
    """Return the kinds whose median is above its target; of those in `workers` also while it lasts."""
    found = []
    for kind, (during, after) in sorted(_by_kind(waits).items()):
        if kind.partition(" ")[0] in workers and during and median(during) > WITHOUT_A_WORKER_S:
            found.append(f"{kind}: {_shown(during)} s while it lasts, above {WITHOUT_A_WORKER_S:g} s")
        if after and median(after) > AFTER_HEALING_S:
            found.append(f"{kind}: {_shown(after)} s after healing, above {AFTER_HEALING_S:g} s")
    return found


def _by_kind(waits: Iterable[Wait]) -> dict[str, tuple[list[float], list[float]]]:
    by_kind: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for wait in waits:
        by_kind[wait.kind][0 if wait.during else 1].append(wait.took_s)
    return by_kind


def _shown(took_s: Sequence[float]) -> str:
    return f"{median(took_s):.1f}, {max(took_s):.1f}" if took_s else "–"
