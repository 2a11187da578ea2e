"""Shift: has one part live by a clock that can be set, as by somebody who sets its machine's clock.

Only the time of day is set; what durations are measured with goes on. The part is started through
`shifted.py`, and nothing of Vigil knows of it.
"""

import sys
from pathlib import Path

_SHIFTED = Path(__file__).with_name("shifted.py")


class Shift:
    """The clock of one part, told in a file that it looks at several times a second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @property
    def program(self) -> tuple[str, ...]:
        """What the part is started with in place of `vigil`."""
        return sys.executable, str(_SHIFTED), str(self._file)

    def set(self, ahead_s: int) -> None:
        """Have the part believe that it is `ahead_s` later (below zero: earlier) than it is."""
        new = self._file.with_suffix(".new")
        new.write_text(str(ahead_s))
        new.replace(self._file)
