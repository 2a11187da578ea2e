"""RecentReports: the reports logged last, so that one delivered twice is logged once."""

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from devices.reports import Report, StatusReported

CAPACITY = 65_536
_encode = msgspec.msgpack.Encoder().encode

_Slot = tuple[str, type[Report], int | None, int]
Mark = tuple[_Slot, int]
"""What is kept of a report: which one it was, and a hash of what it said."""


class RecentReports:
    """A bounded memory of what was logged; it saves work and is no guarantee (the engine deduplicates).

    A repeat is the very same report: another one that shares its id, such as two without `seq` in one
    millisecond, is not dropped.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[_Slot, int] = OrderedDict()

    def mark(self, device: str, report: Report) -> Mark | None:
        """Return what to `remember` once `report` is logged; None if it is a repeat.

        From here until then nothing counts as its repeat: a status that comes between the same two must
        not make the second one look like the first.
        """
        # Only the status before counts: a last will is the same message every time the connection breaks.
        if isinstance(report, StatusReported):
            slot: _Slot = (device, StatusReported, None, 0)
        else:
            slot = (device, type(report), report.seq, report.time_ms)
        content = hash(_encode(report))
        if self._seen.pop(slot, None) != content:
            return slot, content
        self._seen[slot] = content
        return None

    def remember(self, marks: Iterable[Mark]) -> None:
        """Remember what was logged; the oldest is forgotten for it."""
        seen = self._seen
        for slot, content in marks:
            seen[slot] = content
            seen.move_to_end(slot)
        while len(seen) > self._capacity:
            seen.popitem(last=False)
