"""A part of Vigil whose time of day a file says, as a program: `shifted.py FILE PART …`, as `vigil PART …`.

The file has the seconds that it is ahead of the machine's.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from safety.cli.main import main

_LOOK_EVERY_S = 0.2


def shift(file: Path) -> None:
    """Have this process take the time of day from the machine and `file`."""
    time_ns: Callable[[], int] = time.time_ns
    ahead_ns, looked_s = 0, float("-inf")

    def shifted_ns() -> int:
        nonlocal ahead_ns, looked_s
        if time.monotonic() - looked_s > _LOOK_EVERY_S:
            ahead_ns, looked_s = int(file.read_text()) * 1_000_000_000, time.monotonic()
        return time_ns() + ahead_ns

    setattr(time, time.time_ns.__name__, shifted_ns)
    setattr(time, time.time.__name__, lambda: shifted_ns() / 1e9)


if __name__ == "__main__":
    shift(Path(sys.argv.pop(1)))
    main()
