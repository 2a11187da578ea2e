"""Native words (docs/protocol.md)."""

from simulators import payloads
from simulators.dialects.words import Moment, Phrase
from simulators.heard import Heard, read_heard
from simulators.payloads import AlarmKind, EventKind, Measured, RecordKind, Value


class NativeWords:
    """What a device made for Vigil says: it hears `alarm_received`, and waits for it."""

    fix_channel = "location"

    def __init__(self, most_fixes: int) -> None:
        """`most_fixes` is how many kept fixes it sends in one list after a gap."""
        self.most_fixes = most_fixes

    def fix(self, moment: Moment, measured: Measured) -> bytes:
        return payloads.fix(moment.seq, moment.at_ms, measured, moment.battery_pct)

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
        payload = payloads.message(
            kind,
            moment.seq,
            moment.at_ms,
            id=name,
            fix=payloads.position(measured, moment.at_ms) if measured else None,
            test=test or None,
            silent=silent or None,
        )
        return [Phrase("alarm", payload)]

    def event(
        self, moment: Moment, kind: EventKind, measured: Measured | None, said: dict[str, Value]
    ) -> list[Phrase]:
        where = payloads.position(measured, moment.at_ms) if measured else None
        return [Phrase("event", payloads.message(kind, moment.seq, moment.at_ms, **said, fix=where))]

    def record(self, moment: Moment, kind: RecordKind, said: dict[str, Value]) -> list[Phrase]:
        return [Phrase("record", payloads.message(kind, moment.seq, moment.at_ms, **said))]

    def status(self, moment: Moment, firmware: str) -> list[Phrase]:
        payload = payloads.status(moment.seq, moment.at_ms, moment.battery_pct, moment.signal_dbm, firmware)
        return [Phrase("status", payload)]

    def hear(self, payload: bytes) -> Heard | None:
        return read_heard(payload)
