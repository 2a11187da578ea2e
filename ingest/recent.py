"""RecentReports: the reports logged last, so that one delivered twice is logged once."""

from collections import OrderedDict

import msgspec

from devices.reports import Report, StatusReported
from ingest.records import Arrival

CAPACITY = 65_536
_encode = msgspec.msgpack.Encoder().encode


class RecentReports:
    """A bounded memory of what was logged; it saves work and is no guarantee (the engine deduplicates).

    A repeat is the very same report: another one that shares its id, such as two without `seq` in one
    millisecond, is not dropped.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[str, int] = OrderedDict()

    def repeats(self, arrival: Arrival) -> bool:
        """Tell whether `arrival` brings a report that is remembered."""
        return self._seen.get(_slot(arrival)) == _content(arrival.report)

    def remember(self, arrival: Arrival) -> None:
        """Remember that `arrival` was logged; the oldest is forgotten for it."""
        slot = _slot(arrival)
        self._seen[slot] = _content(arrival.report)
        self._seen.move_to_end(slot)
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)


def _slot(arrival: Arrival) -> str:
    # Only the status before counts: a last will is the same message every time the connection breaks.
    if isinstance(arrival.report, StatusReported):
        return f"{arrival.device}/status"
    return arrival.event_id


def _content(report: Report) -> int:
    return hash(_encode(report))
