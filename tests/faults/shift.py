"""Shift: has one process live by a clock that can be set, through libfaketime; the others know nothing of it.

Only what the process takes for the time of day is set, as by somebody who sets a machine's clock: what it
measures durations with goes on.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_LIBRARIES: Final = (
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/lib/faketime").glob("libfaketimeMT.so.1"),
)
LOOKED_AT_EVERY_S: Final = 1.0


class Shift:
    """The clock of one process, told in a file that it looks at every second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @staticmethod
    def is_here() -> bool:
        """Tell whether libfaketime is installed."""
        return bool(_LIBRARIES)

    @property
    def settings(self) -> Mapping[str, str]:
        """What the process must find in its environment."""
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(round(LOOKED_AT_EVERY_S)),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, ahead_s: int) -> None:
        """Have the process believe that it is `ahead_s` later (below zero: earlier) than it is."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead_s:+d}\n")
        new.replace(self._file)
