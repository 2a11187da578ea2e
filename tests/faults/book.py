"""Book: what a house has in its log and its store, read on from where it was read last.

Whatever the log says is run through engines of the book's own: a replay from zero that goes on with the log.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, select

from devices.clock import Clock
from devices.identity import derived_id
from ingest.lanes import LANES, TELEMETRY
from ingest.log.kafka import KafkaEventLog
from ingest.log.port import BEGINNING, Entry
from ingest.records import Arrival
from safety.engine import Engine, decode, engine_for
from safety.replay import Span, compare
from safety.rules.effects import PlacePosition, RaiseAlert
from safety.store.audit import verify_audit
from safety.store.checkpoints import load_checkpoint
from safety.store.tables import alerts, audit, notifications, positions, timeline
from tests.faults.checker import Kept, Message
from tests.faults.history import Ladder, Stored
from tests.faults.house import House
from tests.support.faults_found import alerts_of, message_of

_PAGE = 1_000
_NO_TIME = Span(0, 0)


class _Partition:
    """One partition of a lane: an engine of the book's own, and how far it is."""

    def __init__(self, lane: str, number: int) -> None:
        self.lane = lane
        self.number = number
        self.engine: Engine = engine_for(lane)
        self.offset = BEGINNING


class Book:
    """Reads on with `read`; `differences` is what the log says otherwise than a checkpoint or the store."""

    def __init__(self, house: House, log: KafkaEventLog) -> None:
        self._house = house
        self._event_log = log
        self._parts = [_Partition(lane, number) for lane in LANES for number in range(log.partitions(lane))]
        self.logged: dict[str, set[Message]] = defaultdict(set)
        self.entries = 0
        self._replayed: set[str] = set()
        self._unproven: dict[str, RaiseAlert] = {}
        self._places: dict[str, PlacePosition] = {}
        self._differences: list[str] = []
        self.states = 0
        """How many checkpoints were found to be what a replay says."""

    async def read(self) -> tuple[Kept, Stored]:
        """Read all that there is now.

        Raises:
            LogUnavailable, OperationalError: not just now.
        """
        for part in self._parts:
            await self._prove_checkpoint(part)
            await self._run(part, await self._event_log.end(part.lane, part.number))
        return await self._house.database.read(self._look)

    async def _prove_checkpoint(self, part: _Partition) -> None:
        """Run to where the checkpoint stands, and hold the state there against it."""
        saved = await self._house.database.read(lambda c: load_checkpoint(c, part.lane, part.number))
        if saved is None or saved.offset < part.offset or saved.offset == BEGINNING:
            return
        await self._run(part, saved.offset)
        if part.offset == saved.offset:
            self.states += 1
            if part.engine.snapshot() != saved.state:
                self._differences.append(
                    f"the checkpoint of {part.lane}-{part.number} at {saved.offset} is not what the log says"
                )

    async def _run(self, part: _Partition, until: int) -> None:
        while part.offset < until:
            entries = await self._event_log.read(part.lane, part.number, part.offset, _PAGE)
            taken = [entry for entry in entries if entry.offset <= until]
            if not taken:
                return
            self._take(part, taken)
            part.offset = taken[-1].offset

    def _take(self, part: _Partition, entries: Sequence[Entry]) -> None:
        self.entries += len(entries)
        records = [decode(entry.value) for entry in entries]
        arrivals = (record for record in records if isinstance(record, Arrival))
        self.logged[part.lane].update(filter(None, map(message_of, arrivals)))
        for effect in part.engine.run(records, _raise):
            if isinstance(effect, RaiseAlert):
                self._replayed.add(effect.id)
                self._unproven[effect.id] = effect
            elif isinstance(effect, PlacePosition) and effect.newest and part.lane == TELEMETRY:
                self._places[effect.sight.nurse] = effect

    def _look(self, connection: Connection) -> tuple[Kept, Stored]:
        unequal = compare(connection, self._unproven, _NO_TIME)
        if not unequal:
            self._unproven.clear()
        kept = Kept(dict(self.logged), alerts_of(connection))
        stored = Stored(
            entries=_counted(connection, select(timeline.c.alert, timeline.c.what)),
            audited=_counted(connection, select(audit.c.subject, audit.c.action)),
            notes=_notes(connection),
            ladders=_ladders(connection),
            replayed=self._replayed,
            raised=set(connection.execute(select(alerts.c.id)).scalars()),
            joined=self._joined(connection),
            differences=[*self._differences, *unequal, *self._misplaced(connection)],
            broken_audit=verify_audit(connection),
        )
        return kept, stored

    def _joined(self, connection: Connection) -> set[str]:
        noted = select(timeline.c.id).where(timeline.c.what.in_(("pressed_again", "evidence")))
        entries = set(connection.execute(noted).scalars())
        return {alert for alert in self._replayed if derived_id("merged", alert) in entries}

    def _misplaced(self, connection: Connection) -> Iterable[str]:
        stored = {row.nurse: row for row in connection.execute(select(positions))}
        for nurse, place in self._places.items():
            row, position = stored.pop(nurse, None), place.sight.position
            said = (place.sight.time_ms, position.lat, position.lon)
            if row is None or (row.time_ms, row.lat, row.lon) != said:
                yield f"{nurse} is at {row}, and by the log at {said}"
        for nurse in stored:
            yield f"{nurse} is at {stored[nurse]}, and by the log nowhere"


@asynccontextmanager
async def book(house: House, clock: Clock) -> AsyncIterator[Book]:
    """Open the log of `house` for reading, until the block ends."""
    log = await KafkaEventLog.open(house.kafka_servers, clock)
    try:
        yield Book(house, log)
    finally:
        await log.close()


def _raise(_index: int, error: Exception) -> None:
    raise error


def _counted(connection: Connection, pairs: Any) -> Counter[tuple[str, str]]:
    return Counter((row[0], row[1]) for row in connection.execute(pairs))


def _notes(connection: Connection) -> set[str]:
    written = select(timeline.c.detail).where(timeline.c.what == "note", timeline.c.actor.is_not(None))
    return {str(detail.get("text")) for detail in connection.execute(written).scalars()}


def _ladders(connection: Connection) -> list[Ladder]:
    sent: dict[str, set[str]] = defaultdict(set)
    done = select(notifications.c.alert, notifications.c.id).where(notifications.c.state == "sent")
    for row in connection.execute(done):
        sent[row.alert].add(row.id)
    by_person = select(timeline.c.alert).where(timeline.c.actor.is_not(None), timeline.c.what != "note")
    taken = set(connection.execute(by_person).scalars())
    every = select(alerts.c.id, alerts.c.held_by).where(alerts.c.severity != "info", ~alerts.c.test)
    return [
        Ladder(row.id, frozenset(sent[row.id]), row.id in taken, row.held_by)
        for row in connection.execute(every)
    ]
