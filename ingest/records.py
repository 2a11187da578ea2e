"""What ingest writes to the log: arrivals, ticks and dead letters."""

import msgspec

from devices.reports import Report


class Arrival(msgspec.Struct, frozen=True, gc=False, tag="arrival"):
    """A report that was admitted: from which device, for whom, and when it came in (epoch ms)."""

    device: str
    nurse: str | None
    org: str
    received_ms: int
    report: Report

    @property
    def event_id(self) -> str:
        """The id of what happened: the same message delivered twice has the same id."""
        report = self.report
        seq = "-" if report.seq is None else report.seq
        return f"{self.device}/{report.name}/{seq}/{report.time_ms}"

    @property
    def key(self) -> str:
        """The key under which it is logged."""
        return self.nurse or self.device


class Tick(msgspec.Struct, frozen=True, gc=False, tag="tick"):
    """Time passed: time enters the engine only as these (epoch ms)."""

    at_ms: int


class DeadLetter(msgspec.Struct, frozen=True, gc=False, tag="dead_letter"):
    """A message that could not be admitted, kept whole.

    `reason` is one of `ingest.dead_letters.Reason`;
    `field` is the JSON path at fault, None where the payload is not.
    """

    id: str
    at_ms: int
    topic: str
    device: str | None
    reason: str
    explanation: str
    field: str | None
    payload: bytes


encode = msgspec.msgpack.Encoder().encode
