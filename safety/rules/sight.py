"""Sight: one position of a nurse, placed in believable time."""

import sys

import msgspec

from devices.reports import Position
from ingest.records import Arrival
from safety.rules.times import plausible_ms


class Sight(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where she was seen, by which device, when (epoch ms), and in which event."""

    position: Position
    time_ms: int
    received_ms: int
    nurse: str
    org: str
    device: str
    report: str
    seq: int | None
    told_ms: int

    @property
    def event(self) -> str:
        """The id of the event (as `Arrival.event_id`): made when it is wanted, most never are."""
        seq = "-" if self.seq is None else self.seq
        return f"{self.device}/{self.report}/{seq}/{self.told_ms}"


def sight_of(arrival: Arrival, nurse: str, since_ms: int) -> Sight | None:
    """Return the position in the report; None if it has none, or if it is from before `since_ms`."""
    report = arrival.report
    position = getattr(report, "position", None)
    if position is None:
        return None
    told_ms = report.time_ms if position.time_ms is None else position.time_ms
    time_ms, _doubts = plausible_ms(told_ms, arrival.received_ms)
    if time_ms < since_ms:
        return None
    return Sight(
        position,
        time_ms,
        arrival.received_ms,
        nurse,
        sys.intern(arrival.org),  # one for all who are of it
        arrival.device,
        report.name,
        report.seq,
        report.time_ms,
    )
