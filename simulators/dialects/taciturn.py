"""Taciturn: what most dialects have in common, which is what they cannot say."""

from simulators.dialects.words import ONE_FIX, Moment, NoWords, Phrase
from simulators.heard import Heard
from simulators.payloads import AlarmKind, EventKind, Measured, RecordKind, Value

LAT_LON_DIGITS = 7


class Taciturn:
    """A device that says nothing and hears nothing; dialects replace what they have words for."""

    called = "this dialect"
    fix_channel = ""
    most_fixes = ONE_FIX

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        raise self.no_words("a position")

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
        raise self.no_words(kind)

    def event(
        self, moment: Moment, kind: EventKind, measured: Measured | None, said: dict[str, Value]
    ) -> list[Phrase]:
        raise self.no_words(kind)

    def record(self, moment: Moment, kind: RecordKind, said: dict[str, Value]) -> list[Phrase]:
        raise self.no_words(kind)

    def status(self, moment: Moment, firmware: str) -> list[Phrase]:
        return []

    def hear(self, payload: bytes) -> Heard | None:
        return None

    def no_words(self, what: str) -> NoWords:
        """Return the refusal to say `what`."""
        return NoWords(f"{self.called} has no words for {what}")
