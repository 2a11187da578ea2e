"""What Vigil has after the rounds: read from its log and its store while it is stopped."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from sqlalchemy import Connection, create_engine, func, select

from devices.clock import SystemClock
from devices.reports import AlarmBase, EventBase, Fix, StatusReported
from ingest.lanes import DEAD_LETTERS, LANES
from ingest.log.port import BEGINNING, EventLog
from ingest.log.sqlite_view import SqliteLogView
from ingest.records import Arrival, DeadLetter
from safety.engine import decode
from safety.store.database import database_url
from safety.store.tables import alerts, dead_letters, notifications, timeline
from tests.faults.checker import Alert, Kept, Message, Press

_PAGE = 2_000


@asynccontextmanager
async def log_view(data_dir: Path) -> AsyncIterator[SqliteLogView]:
    """Read the log in `data_dir`, running or not."""
    view = SqliteLogView(data_dir / "log", SystemClock())
    try:
        yield view
    finally:
        await view.close()


async def read_values(log: EventLog, topic: str) -> AsyncIterator[bytes]:
    """Yield every record of `topic`, partition by partition."""
    for partition in range(log.partitions(topic)):
        after = BEGINNING
        while entries := await log.read(topic, partition, after, _PAGE):
            for entry in entries:
                yield entry.value
            after = entries[-1].offset


async def read_arrivals(log: EventLog, lane: str) -> list[Arrival]:
    """Return every arrival in `lane`."""
    records = [decode(value) async for value in read_values(log, lane)]
    return [record for record in records if isinstance(record, Arrival)]


async def read_logged(log: EventLog) -> dict[str, Counter[Message]]:
    """Return how often each message stands in each lane."""
    logged: dict[str, Counter[Message]] = {}
    for lane in LANES:
        logged[lane] = Counter(filter(None, map(message_of, await read_arrivals(log, lane))))
    return logged


def read_alerts(data_dir: Path) -> list[Alert]:
    """Return the alerts of devices' alarms in the store, each with the presses noted on it."""
    engine = create_engine(database_url(data_dir))
    try:
        with engine.connect() as connection:
            return alerts_of(connection)
    finally:
        engine.dispose()


async def read_kept(data_dir: Path) -> Kept:
    """Return all that the checker wants to know of the data in `data_dir`."""
    async with log_view(data_dir) as log:
        logged = await read_logged(log)
    return Kept({lane: set(messages) for lane, messages in logged.items()}, read_alerts(data_dir))


def message_of(arrival: Arrival) -> Message | None:
    """Return what of a device's words `arrival` is, None if nobody counts it."""
    match arrival.report:
        case Fix(seq=seq):
            return Message(arrival.device, "fix", str(seq))
        case AlarmBase(alarm=alarm):
            return Message(arrival.device, "alarm", str(alarm))
        case EventBase(seq=seq):
            return Message(arrival.device, "event", str(seq))
        case StatusReported(seq=seq):
            return Message(arrival.device, "status", str(seq))
    return None


def alerts_of(connection: Connection) -> list[Alert]:
    """Return the alerts of devices' alarms, each with the presses noted on it."""
    noted = select(timeline.c.alert, timeline.c.detail).where(timeline.c.what == "pressed_again")
    presses: dict[str, list[Press]] = defaultdict(list)
    for row in connection.execute(noted.order_by(timeline.c.seq)):
        presses[row.alert].append(Press(row.detail["device"], str(row.detail["alarm"])))
    person = (notifications.c.alert, notifications.c.responder, notifications.c.channel)
    sent = select(notifications.c.alert, func.count()).where(notifications.c.state == "sent")
    calls: dict[str, int] = defaultdict(int)
    for name, count in connection.execute(sent.group_by(*person)):
        calls[name] = max(calls[name], count)
    raised = select(alerts.c.id, alerts.c.device, alerts.c.alarm, alerts.c.state)
    return [
        Alert(
            row.id,
            Press(row.device, str(row.alarm)),
            tuple(presses[row.id]),
            waits=row.state == "raised",
            calls=calls[row.id],
        )
        for row in connection.execute(raised.where(alerts.c.kind == "panic"))
    ]


async def read_letters(log: EventLog) -> list[DeadLetter]:
    """Return every dead letter in the log."""
    decoder = msgspec.msgpack.Decoder(DeadLetter)
    return [decoder.decode(value) async for value in read_values(log, DEAD_LETTERS)]


def stored_letters(data_dir: Path) -> set[str]:
    """Return the ids of the dead letters that the store shows to people."""
    engine = create_engine(database_url(data_dir))
    try:
        with engine.connect() as connection:
            return set(connection.execute(select(dead_letters.c.id)).scalars())
    finally:
        engine.dispose()
