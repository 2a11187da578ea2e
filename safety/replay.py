"""Replay: runs the engine over the stored log from its beginning and compares with what was raised then."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from devices.identity import derived_id
from devices.rfc3339 import rfc3339
from ingest.lanes import LANES
from ingest.log.port import BEGINNING, Entry, EventLog
from safety.engine import engine_for, run
from safety.rules.effects import RaiseAlert
from safety.store.tables import alerts, timeline

BATCH = 256

_COMPARED = (
    *("kind", "severity", "org", "nurse", "device", "visit", "occurred_ms", "received_ms", "source_event"),
    *("test", "silent", "late", "alarm", "alarm_seq", "cancel_until_ms", "why"),
)


class Span(msgspec.Struct, frozen=True):
    """Which alerts are compared: those received at or after `from_ms` and before `to_ms`."""

    from_ms: int
    to_ms: int

    def has(self, at_ms: int) -> bool:
        """Tell whether `at_ms` lies in it."""
        return self.from_ms <= at_ms < self.to_ms


async def replay(log: EventLog, span: Span, told: Callable[[int], None]) -> tuple[int, dict[str, RaiseAlert]]:
    """Run every lane from its oldest entry; return how many entries, and the alerts raised in `span` by id.

    `told` is called with the number of entries now and then.

    Raises:
        LogUnavailable: the log cannot be read.
    """
    entries = 0
    raised: dict[str, RaiseAlert] = {}
    for lane in LANES:
        for partition in range(log.partitions(lane)):
            engine = engine_for(lane)
            async for batch in _batches(log, lane, partition):
                effects = run(engine, [entry.value for entry in batch])
                for effect in effects:
                    if isinstance(effect, RaiseAlert) and span.has(effect.received_ms):
                        raised.setdefault(effect.id, effect)
                entries += len(batch)
                told(entries)
    return entries, raised


def compare(connection: Connection, raised: dict[str, RaiseAlert], span: Span) -> list[str]:
    """Return what differs between the alerts of a replay and those in the store, in words."""
    return [*_lost(connection, raised, span), *_changed(connection, raised)]


async def _batches(log: EventLog, lane: str, partition: int) -> AsyncIterator[list[Entry]]:
    offset, end = BEGINNING, await log.end(lane, partition)
    while offset < end:
        batch = await log.read(lane, partition, offset, BATCH)
        if not batch:
            return
        offset = batch[-1].offset
        yield batch


def _lost(connection: Connection, raised: dict[str, RaiseAlert], span: Span) -> Iterator[str]:
    then = select(alerts.c.id, alerts.c.kind, alerts.c.received_ms).where(
        alerts.c.received_ms >= span.from_ms, alerts.c.received_ms < span.to_ms
    )
    for row in connection.execute(then.order_by(alerts.c.received_ms, alerts.c.id)):
        if row.id not in raised:
            yield f"{row.kind} {row.id} of {rfc3339(row.received_ms)} was raised then, and is not now"


def _changed(connection: Connection, raised: dict[str, RaiseAlert]) -> Iterator[str]:
    for id, now in raised.items():
        then = connection.execute(select(alerts).where(alerts.c.id == id)).first()
        if then is None:
            joined = select(timeline.c.seq).where(timeline.c.id == derived_id("merged", id))
            if connection.execute(joined).first() is None:
                yield f"{now.kind} {id} of {rfc3339(now.received_ms)} is raised now, and was not then"
            continue
        for field in _COMPARED:
            was, would_be = _plain(getattr(then, field)), _plain(getattr(now, field))
            if was != would_be:
                yield f"{now.kind} {id}: {field} was {was!r} and is {would_be!r}"


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
