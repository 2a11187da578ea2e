"""Words: the port to a dialect, and what every dialect is given to put into words."""

from typing import NamedTuple, Protocol

from simulators.errors import SimulatorError
from simulators.heard import Heard
from simulators.payloads import AlarmKind, EventKind, Measured, RecordKind, Value

ONE_FIX = 1


class NoWords(SimulatorError):
    """The dialect cannot say it; no real device that speaks it could."""


class Phrase(NamedTuple):
    """One message; what `channel` is called, and where it leads, is the dialect's business."""

    channel: str
    payload: bytes


class Moment(NamedTuple):
    """When a device says something, and how it is then."""

    seq: int
    at_ms: int
    battery_pct: float
    signal_dbm: float


class Words(Protocol):
    """How a device of one dialect puts things.

    `fix_channel` is where its positions go, `most_fixes` how many of them one message may hold.
    """

    fix_channel: str
    most_fixes: int

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        """Return a position.

        Raises:
            NoWords: as all of these do where the dialect has none.
        """

    def alarm(
        self,
        moment: Moment,
        kind: AlarmKind,
        measured: Measured | None,
        name: str | None,
        *,
        test: bool,
        silent: bool,
    ) -> list[Phrase]:
        """Return an alarm, with a position if it has one; `name` is an id of the device's own making."""

    def event(
        self, moment: Moment, kind: EventKind, measured: Measured | None, said: dict[str, Value]
    ) -> list[Phrase]:
        """Return an event of a visit; `said` are its `visit`, `pin` and `alarm`."""

    def record(self, moment: Moment, kind: RecordKind, said: dict[str, Value]) -> list[Phrase]:
        """Return what a work recorder notes."""

    def status(self, moment: Moment, firmware: str) -> list[Phrase]:
        """Return that the device is there, and how; nothing where no device of the kind says so."""

    def hear(self, payload: bytes) -> Heard | None:
        """Return the command in `payload`, None if it cannot be read."""
