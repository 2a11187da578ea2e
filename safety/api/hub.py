"""LiveHub: reads what changed in the store, once for everyone, and hands it to the live feed's clients."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from devices.clock import Clock
from safety.api import frames
from safety.api.clients import CLOSING, FULL, STALLED, UNREADABLE, Audience, LiveClient
from safety.api.live_metrics import LiveMetrics
from safety.api.outbox import MAX_FRAMES, Frame, Outbox
from safety.api.places import PlaceWatch
from safety.api.snapshots import Picture, Snapshots
from safety.store.database import Database
from safety.store.feed import AlertChange, all_orgs, can_replay, changed_alerts, current_marks
from safety.store.queries import Scope
from safety.store.sessions import Person, find_sessions

POLL_S = 0.5
PLACES_S = 1.0
HEARTBEAT_S = 3.0
MAX_CLIENTS = 1_000

_log = structlog.get_logger(__name__)


class Opening(NamedTuple):
    """What a client is sent first: the timeline entry it reaches, frames, and what may go on after them."""

    seq: int
    frames: list[Frame]
    picture: Picture | None


class LiveHub:
    """Two readers of the store, whatever the number of clients.

    The one for alerts reads when it is woken, and every half second for what other processes did; the
    one for positions and devices reads once a second, so that it never stands in an alert's way.
    Heartbeats come from the first one, after a reading that worked: a page whose server cannot read
    its store must find out.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        registry: CollectorRegistry | None = None,
        *,
        max_queued_frames: int = MAX_FRAMES,
    ) -> None:
        self._database = database
        self._max_queued_frames = max_queued_frames
        self._clock = clock
        self._audience = Audience()
        self._metrics = LiveMetrics(registry, self._audience)
        self._places = PlaceWatch()
        self._snapshots = Snapshots(database, clock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._woken = asyncio.Event()
        # Set when the first reading is done, or none will be.
        self._ready = asyncio.Event()
        self._stopped = False
        self._seq = 0
        self._known_orgs: frozenset[str] = frozenset()
        self._last_beat_s = clock.monotonic_s()

    def wake(self) -> None:
        """Something changed in the store: read it now. May be called from any thread.

        On the thread that wrote it is read at once; to wake a reader would be two changes of thread.
        """
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if threading.get_ident() != self._thread and len(self._audience) and self._ready.is_set():
            try:
                with self._database.reading() as connection:
                    changes = changed_alerts(connection, self._seq)
            except SQLAlchemyError:
                changes = []  # the reader says so
            if changes:
                loop.call_soon_threadsafe(self._show, changes)
                return
        loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Serve the clients until cancelled; then they are told to reconnect."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        try:
            await self._start()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._tick(), name="live-tick")
                tasks.create_task(self._watch_alerts(), name="live-alerts")
                tasks.create_task(self._watch_places(), name="live-places")
        finally:
            self._loop, self._stopped = None, True
            self._ready.set()
            self._audience.end_all(CLOSING)

    @asynccontextmanager
    async def joined(self, person: Person) -> AsyncIterator[LiveClient]:
        """Have a client on the feed; from now on nothing that concerns it is missed."""
        await self._ready.wait()
        scope = Scope(person.org)
        orgs = await self._database.read(scope.orgs)
        client = LiveClient(person, orgs, Outbox(self._max_queued_frames))
        if self._stopped:
            client.end(CLOSING)
        elif len(self._audience) >= MAX_CLIENTS:
            client.end(FULL)
        self._audience.join(client)
        try:
            yield client
        finally:
            self._audience.leave(client)
            if client.ended.done() and client.ended.result() is STALLED:
                self._metrics.stalled.inc()

    async def open(self, client: LiveClient, after: str | None) -> Opening:
        """Return what a client that has joined is sent first; then comes the rest of it (`fill`).

        It is the alerts it missed since its cursor `after`, or a picture if there is no cursor, or none
        that can be continued. Queued frames of alerts up to that entry are in it already.
        """
        wanted = frames.parse_cursor(after)
        scope = Scope(client.person.org)
        if wanted is not None:
            now_ms = self._clock.now_ms()
            missed = await self._database.read(lambda connection: _missed(connection, scope, wanted))
            if missed is not None:
                seq, changes = missed
                return Opening(seq, [frames.alert(change, now_ms) for change in changes], None)
        picture = await self._snapshots.take(scope)
        return Opening(picture.seq, [picture.frame], picture)

    async def fill(self, client: LiveClient, opening: Opening) -> None:
        """Have the client sent the rest of its picture, page by page."""
        if opening.picture is None:
            return
        try:
            await client.outbox.pour(self._snapshots.rest(Scope(client.person.org), opening.picture))
        except SQLAlchemyError as error:
            self._note_failure(error)
            client.end(UNREADABLE)

    async def _start(self) -> None:
        while not self._ready.is_set():
            await self._guarded(self._skip)
            if not self._ready.is_set():
                await self._clock.sleep_s(POLL_S)

    async def _skip(self) -> None:
        """Begin with now: clients learn from their snapshots what was before."""
        marks = await self._database.read(current_marks)
        self._seq = marks.alerts
        self._places.skip_to(marks)
        self._ready.set()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep_s(POLL_S)
            self._woken.set()

    async def _watch_alerts(self) -> None:
        while True:
            await self._guarded(self._read_alerts)
            await self._woken.wait()
            self._woken.clear()

    async def _watch_places(self) -> None:
        while True:
            await self._clock.sleep_s(PLACES_S)
            await self._guarded(self._read_places)

    async def _guarded(self, reading: Callable[[], Awaitable[None]]) -> None:
        # Read again at the next turn; until that works there is no heartbeat, so nobody believes all is well.
        try:
            await reading()
        except SQLAlchemyError as error:
            self._note_failure(error)

    def _note_failure(self, error: SQLAlchemyError) -> None:
        self._metrics.read_failures.inc()
        _log.warning("the live feed cannot read the store", action="live.read_failed", error=repr(error))

    async def _read_alerts(self) -> None:
        after = self._seq
        if not len(self._audience):
            marks = await self._database.read(current_marks)
            # Someone who joined meanwhile may have read the store before us: then all counts as new.
            if not len(self._audience):
                self._seq = marks.alerts
                return
        changes = await self._database.read(lambda connection: changed_alerts(connection, after))
        if any(change.alert.org not in self._known_orgs for change in changes):
            await self._read_people()
        now_ms = self._clock.now_ms()
        self._send(changes, now_ms)
        self._beat(now_ms)

    def _show(self, changes: list[AlertChange]) -> None:
        """Send what was read on another thread, unless it is of an organisation that is new here."""
        if all(change.alert.org in self._known_orgs for change in changes):
            self._send(changes, self._clock.now_ms())
        else:
            self._woken.set()

    def _send(self, changes: list[AlertChange], now_ms: int) -> None:
        """Send what changed, and was not sent by who read the store at the same time."""
        for change in changes:
            if change.seq > self._seq:
                self._audience.send(frames.alert(change, now_ms), change.alert.org)
                self._seq = change.seq

    def _beat(self, now_ms: int) -> None:
        if self._clock.monotonic_s() - self._last_beat_s >= HEARTBEAT_S:
            self._last_beat_s = self._clock.monotonic_s()
            self._audience.send(frames.heartbeat(self._seq, now_ms))

    async def _read_places(self) -> None:
        if not len(self._audience):
            marks = await self._database.read(current_marks)
            if not len(self._audience):
                self._places.skip_to(marks)
                return
        await self._read_people()
        scopes, now_ms = tuple(self._audience.by_scope()), self._clock.now_ms()
        changes = await self._database.read(lambda connection: self._places.read(connection, scopes, now_ms))
        self._places.send(changes, self._audience, now_ms)

    async def _read_people(self) -> None:
        """Take over logouts, and organisations that are new."""
        sessions, now_ms = self._audience.sessions(), self._clock.now_ms()

        def read(connection: Connection) -> tuple[list[Person], dict[str, frozenset[str]], frozenset[str]]:
            people = find_sessions(connection, sessions, now_ms)
            scopes = {org: Scope(org).orgs(connection) for org in {person.org for person in people}}
            return people, scopes, all_orgs(connection)

        people, scopes, self._known_orgs = await self._database.read(read)
        self._audience.renew(sessions, {person.session: person for person in people}, scopes)


def _missed(connection: Connection, scope: Scope, after: int) -> tuple[int, list[AlertChange]] | None:
    """Return the newest timeline entry and what changed up to it, None if not all of it is known."""
    seq = current_marks(connection).alerts
    if not can_replay(connection, after, seq):
        return None
    return seq, changed_alerts(connection, after, scope)
