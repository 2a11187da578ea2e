"""Disk: a small file system of a server's own, so that it can be full. Not everybody may mount one."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BALLAST = "ballast"
_LARGEST_STEP_BYTES = 1 << 26
_SMALLEST_STEP_BYTES = 1 << 12


class Disk:
    """What a server keeps; only where it is a file system of its own can it be filled."""

    def __init__(self, path: Path, *, can_fill: bool) -> None:
        self.path = path
        self.can_fill = can_fill

    def fill(self) -> None:
        """Leave no room: whoever writes now is told ENOSPC."""
        ballast = os.open(self.path / _BALLAST, os.O_WRONLY | os.O_CREAT)
        taken_bytes, step_bytes = 0, _LARGEST_STEP_BYTES
        try:
            while step_bytes >= _SMALLEST_STEP_BYTES:
                try:
                    os.posix_fallocate(ballast, taken_bytes, step_bytes)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step_bytes //= 2
                else:
                    taken_bytes += step_bytes
        finally:
            os.close(ballast)

    def free(self) -> None:
        """Make room again."""
        (self.path / _BALLAST).unlink(missing_ok=True)


@contextmanager
def disk(path: Path, size_mb: int) -> Iterator[Disk]:
    """Have `path` be a disk of `size_mb`, or, for those who may not mount, a folder."""
    path.mkdir(parents=True, exist_ok=True)
    can_fill = _run("mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "none", str(path))
    try:
        yield Disk(path, can_fill=can_fill)
    finally:
        if can_fill:
            assert _run("umount", "--lazy", str(path))


def _run(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0
