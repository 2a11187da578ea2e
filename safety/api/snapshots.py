"""Snapshots: the whole picture for those who join the live feed; of many nurses, a page at a time."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from devices.clock import Clock
from safety.api import frames
from safety.api.outbox import Frame
from safety.api.shared import SharedReadings
from safety.store.alert_queries import open_alerts
from safety.store.database import Database
from safety.store.feed import current_marks
from safety.store.master_queries import list_devices
from safety.store.place_queries import list_positions
from safety.store.queries import Listed, Page, Rows, Scope

PAGE_SIZE = 500

Key = tuple[Any, ...]


class Picture(NamedTuple):
    """The picture as of timeline entry `seq`: all open alerts, and as much else as a frame may hold.

    `positions` and `devices` are the keys of the last ones in it, None if no more follow.
    """

    seq: int
    frame: Frame
    positions: Key | None
    devices: Key | None


class _Part(NamedTuple):
    """What there may be too much of for one frame."""

    name: str
    read: Callable[[Connection, Scope, Page], Listed]
    frame: Callable[[Rows, int], Frame]


_POSITIONS = _Part("positions", list_positions, frames.positions)
_DEVICES = _Part("devices", list_devices, lambda rows, _: frames.devices(rows))


class Snapshots:
    """Makes pictures and what follows them, each once for all who ask at a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._clock = clock
        self._pictures = SharedReadings(database)
        # Their own: nobody's open alerts wait behind the positions that others still lack.
        self._pages = SharedReadings(database)

    async def take(self, scope: Scope) -> Picture:
        """Return a picture of what `scope` covers, read after this was called."""
        return await self._pictures.take(scope.org, partial(self._read_picture, scope))

    async def rest(self, scope: Scope, picture: Picture) -> AsyncIterator[Frame]:
        """Yield frames with all that `picture` had no room for, each read when it is asked for."""
        for part, last in ((_POSITIONS, picture.positions), (_DEVICES, picture.devices)):
            after = last
            while after is not None:
                read = partial(self._read_page, scope, part, after)
                frame, after = await self._pages.take((scope.org, part.name, after), read)
                yield frame

    def _read_picture(self, scope: Scope, connection: Connection) -> Picture:
        seq, now_ms = current_marks(connection).alerts, self._clock.now_ms()
        alerts = open_alerts(connection, scope)
        positions, devices = (
            part.read(connection, scope, Page(PAGE_SIZE)) for part in (_POSITIONS, _DEVICES)
        )
        frame = frames.snapshot(seq, now_ms, alerts, positions.rows, devices.rows)
        return Picture(seq, frame, positions.next, devices.next)

    def _read_page(
        self, scope: Scope, part: _Part, after: Key, connection: Connection
    ) -> tuple[Frame, Key | None]:
        listed = part.read(connection, scope, Page(PAGE_SIZE, after))
        return part.frame(listed.rows, self._clock.now_ms()), listed.next
