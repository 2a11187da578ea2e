"""Processes: who runs below whom, as /proc tells."""

from pathlib import Path

from tests.support.requires import missing

_PROC = Path("/proc")


def children(parent: int) -> list[int]:
    """Return the processes that `parent` started and that still run."""
    if not (_PROC / "self" / "stat").exists():
        missing("/proc", "run this on Linux")
    return [pid for pid in map(_number, _PROC.iterdir()) if pid is not None and _parent_of(pid) == parent]


def runs(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    return _parent_of(pid) is not None


def _number(entry: Path) -> int | None:
    return int(entry.name) if entry.name.isdigit() else None


def _parent_of(pid: int) -> int | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold anything, also parentheses.
    state, parent = stat.rsplit(")", 1)[1].split()[:2]
    return None if state == "Z" else int(parent)
