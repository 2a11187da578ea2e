"""The deliverer: sends the notifications that are due, and stores what became of each.

A send is recorded after it succeeded: killed in between, the responder is told twice, never not at all.
Once somebody has acknowledged the alert, or it is closed, nothing more goes out, a first attempt neither:
paging on after an acknowledgement teaches people to ignore pages.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import structlog
from sqlalchemy import Connection

from devices.clock import Clock
from safety.errors import DeliveryDelayed, DeliveryRefused
from safety.routing.channels import Channel, send_by
from safety.routing.metrics import RoutingMetrics
from safety.routing.recorder import Recorder
from safety.store.database import Database
from safety.store.notices import (
    OwedNotice,
    next_notice_ms,
    record_delayed,
    record_failed,
    record_sent,
    record_stopped,
    renew_notices,
    take_due_notices,
)

# How many sends run at once: in all, and through one channel, so that a slow one leaves places to the others.
MAX_SENDS = 32
MAX_SENDS_PER_CHANNEL = 4
LONGEST_RETRY_S = 60.0
# So long at most a channel may ask to be left alone: a panic must not wait for one that asks for an hour.
LONGEST_ASKED_S = 30.0
GIVE_UP_AFTER_S = 600.0
_log = structlog.get_logger(__name__)


class Outcome(NamedTuple):
    """What became of an attempt: taken, to be tried again at `due_ms`, given up, or not wanted any more."""

    what: Literal["sent", "delayed", "failed", "stopped"]
    error: str = ""
    due_ms: int = 0


def retry_at_ms(attempts: int, created_ms: int, now_ms: int, asked_s: float = 0.0) -> int | None:
    """Return when to try again after `attempts` failures: 1, 2, 4 … 60 s later; None: give it up.

    A channel that asked to be left alone for `asked_s` is, for half a minute at most.
    """
    wait_s = min(2.0 ** min(attempts - 1, 16), LONGEST_RETRY_S)
    wait_s = max(wait_s, min(asked_s, LONGEST_ASKED_S))
    due_ms = now_ms + round(wait_s * 1000)
    return due_ms if due_ms <= created_ms + round(GIVE_UP_AFTER_S * 1000) else None


class Deliverer:
    """Sends what is due, each notification in a task of its own.

    `changed` is called when an alert's timeline grew, `hurried` when an alert became due at once, `freed`
    when there is a place again.
    With `lease_s`, several workers may share the store; alone, a restart finds all that is owed due.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        channels: Mapping[str, Channel],
        metrics: RoutingMetrics,
        *,
        changed: Callable[[], None],
        hurried: Callable[[], None],
        freed: Callable[[], None],
        link_base: str | None = None,
        lease_s: float | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._channels = channels
        self._changed = changed
        self._hurried = hurried
        self._freed = freed
        self._link_base = link_base
        self._lease_s = lease_s
        self._recorder = Recorder(database, clock)
        self._metrics = metrics
        self._in_flight: set[str] = set()
        metrics.gauge_in_flight("notifications", lambda: len(self._in_flight))

    async def start_due(self, tasks: asyncio.TaskGroup) -> int:
        """Start sending what is due, as far as there are places; return how many were started."""
        if len(self._in_flight) >= MAX_SENDS:
            return 0
        transaction = self._database.read if self._lease_s is None else self._database.write
        owed = await transaction(self._take)
        for item in owed:
            self._in_flight.add(item.notice.id)
            tasks.create_task(self._deliver(item), name=f"notify-{item.notice.id}")
        return len(owed)

    async def next_due_ms(self) -> int | None:
        """Return when the next notification not yet on its way is due, None if none is."""
        besides = tuple(self._in_flight)
        return await self._database.read(lambda connection: next_notice_ms(connection, besides))

    def _take(self, connection: Connection) -> list[OwedNotice]:
        now_ms = self._clock.now_ms()
        return take_due_notices(
            connection,
            now_ms,
            limit=MAX_SENDS - len(self._in_flight),
            per_channel=MAX_SENDS_PER_CHANNEL,
            besides=tuple(self._in_flight),
            link_base=self._link_base,
            lease_until_ms=None if self._lease_s is None else now_ms + round(self._lease_s * 1000),
        )

    async def renew(self) -> None:
        """Keep what is being sent to this worker for another lease."""
        ids = list(self._in_flight)
        until_ms = self._clock.now_ms() + round((self._lease_s or 0.0) * 1000)
        if ids:
            await self._database.write(lambda connection: renew_notices(connection, ids, until_ms))

    async def _deliver(self, owed: OwedNotice) -> None:
        try:
            outcome = await self._attempt(owed)
            hurried = await self._recorder.write(lambda connection: self._record(connection, owed, outcome))
        finally:
            self._in_flight.discard(owed.notice.id)
        self._metrics.notifications.labels(outcome.what).inc()
        if outcome.what == "sent":
            self._metrics.notice_wait_s.observe((self._clock.now_ms() - owed.created_ms) / 1000)
        self._freed()
        self._changed()
        if hurried:
            self._hurried()

    async def _attempt(self, owed: OwedNotice) -> Outcome:
        if owed.alert_state != "raised":
            return Outcome("stopped")
        try:
            await send_by(self._channels, owed.notice)
        except DeliveryDelayed as error:
            return self._again(owed, str(error), error.retry_after_s)
        except DeliveryRefused as error:
            return Outcome("failed", str(error))
        except Exception as error:  # noqa: BLE001  # logged whole; the row is tried again, then fails by name
            # A channel that breaks on one address must not end the paging of everybody else.
            _log.exception("channel broke", action="notify_broken", notification=owed.notice.id)
            return self._again(owed, f"the channel broke: {type(error).__name__}")
        return Outcome("sent")

    def _again(self, owed: OwedNotice, error: str, asked_s: float = 0.0) -> Outcome:
        due_ms = retry_at_ms(owed.attempts + 1, owed.created_ms, self._clock.now_ms(), asked_s)
        return Outcome("failed", error) if due_ms is None else Outcome("delayed", error, due_ms)

    def _record(self, connection: Connection, owed: OwedNotice, outcome: Outcome) -> bool:
        """Store what became of an attempt; return whether the next tier is due at once because of it."""
        now_ms = self._clock.now_ms()
        match outcome.what:
            case "sent":
                record_sent(connection, owed, now_ms)
            case "delayed":
                record_delayed(connection, owed, outcome.error, outcome.due_ms)
            case "stopped":
                record_stopped(connection, owed)
            case "failed":
                return record_failed(connection, owed, outcome.error, now_ms)
        return False
