"""Replay: runs the engine over the stored log from its beginning and compares with what was raised then."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
from sqlalchemy import JSON, Boolean, Column, ColumnElement, Connection, String, select, type_coerce

from devices.identity import derived_id
from devices.rfc3339 import rfc3339
from ingest.lanes import LANES
from ingest.log.port import BEGINNING, Entry, EventLog
from safety.engine import engine_for, run
from safety.rules.effects import RaiseAlert
from safety.store.alerts import position_of
from safety.store.audit import spoilt_text
from safety.store.postgres import is_postgres
from safety.store.tables import alerts, timeline

BATCH = 256

_COMPARED = (
    *("kind", "severity", "org", "nurse", "device", "visit", "occurred_ms", "received_ms", "source_event"),
    *("test", "silent", "late", "alarm", "alarm_seq", "cancel_until_ms", "why", "doubts", "position"),
)
# What another alarm changes that joins the alert.
_OF_THE_LAST = frozenset({"silent", "position"})


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
    # What somebody put there that is no text is a difference, too.
    with spoilt_text(connection, "backslashreplace"):
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
        then = _stored(connection, id)
        if then is None:
            joined = select(timeline.c.seq).where(timeline.c.id == derived_id("merged", id))
            if connection.execute(joined).first() is None:
                yield f"{now.kind} {id} of {rfc3339(now.received_ms)} is raised now, and was not then"
            continue
        would_be = _plain(
            {field: getattr(now, field) for field in _COMPARED} | {"position": position_of(now)}
        )
        if any(then[field] != would_be[field] for field in _OF_THE_LAST):
            would_be |= _since_joined(connection, id)
        for field in _COMPARED:
            if then[field] != would_be[field]:
                yield f"{now.kind} {id}: {field} was {then[field]!r} and is {would_be[field]!r}"


def _stored(connection: Connection, id: str) -> dict[str, Any] | None:
    """Return what is compared of an alert; None: there is none. What is no JSON is returned as it is."""
    columns = [_unread(connection, alerts.c[field]) for field in _COMPARED]
    row = connection.execute(select(*columns).where(alerts.c.id == id)).first()
    if row is None:
        return None
    return {field: _read(alerts.c[field], getattr(row, field)) for field in _COMPARED}


def _since_joined(connection: Connection, id: str) -> dict[str, Any]:
    """Return what those alarms changed of an alert that joined it instead of being raised."""
    detail = _unread(connection, timeline.c.detail)
    entries = select(detail).where(timeline.c.alert == id, timeline.c.what.in_(("pressed_again", "evidence")))
    changed: dict[str, Any] = {}
    for (stored,) in connection.execute(entries.order_by(timeline.c.seq)):
        said = _read(timeline.c.detail, stored)
        if not isinstance(said, dict) or "source_event" not in said:
            continue  # evidence that stayed an alert of its own
        changed |= {field: said[field] for field in _OF_THE_LAST if said.get(field)}
    return changed


def _unread(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    """Return `column` as SQLite holds it, which need not be what it should."""
    return column if is_postgres(connection) else type_coerce(column, String).label(column.name)


def _read(column: Column[Any], stored: Any) -> Any:
    if isinstance(column.type, Boolean) and stored in (0, 1):
        return bool(stored)
    if isinstance(column.type, JSON) and isinstance(stored, str):
        with contextlib.suppress(ValueError, RecursionError):
            return msgspec.json.decode(stored)
    return _plain(stored)


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
