"""The alarms a device has not yet seen received, and when each is said again.

A PUBACK tells that the broker has an alarm, not that anyone logged it: only `alarm_received` ends the
repetition (docs/protocol.md).
"""

from dataclasses import dataclass

BACKOFF_S = (1.0, 2.0, 5.0, 10.0)
"""Seconds until an alarm is said again, after the first, second, third … time; the last one stays."""


@dataclass
class PendingAlarm:
    """An alarm on its way: `payload` is the same each time, so that repeats are seen as one."""

    name: str
    seq: int
    kind: str
    payload: bytes
    due_s: float
    attempts: int = 0


class AlarmBook:
    """What must still be said; times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._pending: dict[str, PendingAlarm] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, alarm: PendingAlarm) -> None:
        """Say `alarm` from its `due_s` on."""
        self._pending[alarm.name] = alarm

    def due(self, now_s: float) -> PendingAlarm | None:
        """Return the alarm that has waited longest among those due."""
        waiting = min(self._pending.values(), key=lambda alarm: alarm.due_s, default=None)
        return waiting if waiting is not None and waiting.due_s <= now_s else None

    def next_due_s(self) -> float | None:
        """Return when the next one is due, or None if nothing waits."""
        return min((alarm.due_s for alarm in self._pending.values()), default=None)

    def said(self, alarm: PendingAlarm, now_s: float) -> None:
        """Note that `alarm` was published at `now_s`."""
        alarm.due_s = now_s + BACKOFF_S[min(alarm.attempts, len(BACKOFF_S) - 1)]
        alarm.attempts += 1

    def say_all_now(self, now_s: float) -> None:
        """Make everything due: after a new connection nobody knows what was lost with the old one."""
        for alarm in self._pending.values():
            alarm.due_s = min(alarm.due_s, now_s)

    def received(self, alarm: str | None, seq: int | None) -> bool:
        """Forget the alarm that was received, by its name or else its `seq`; tell whether it was waiting."""
        for name, pending in self._pending.items():
            if alarm == name if alarm is not None else seq == pending.seq:
                del self._pending[name]
                return True
        return False
