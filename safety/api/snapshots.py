"""Snapshots: the whole picture for those who join the live feed, made once for all who ask at a time."""

import asyncio
from typing import NamedTuple

from sqlalchemy import Connection

from devices.clock import Clock
from safety.api import frames
from safety.api.outbox import Frame
from safety.store.alert_queries import open_alerts
from safety.store.database import Database
from safety.store.feed import current_marks
from safety.store.master_queries import all_devices
from safety.store.place_queries import all_positions
from safety.store.queries import Scope


class Picture(NamedTuple):
    """The whole picture as of timeline entry `seq`."""

    seq: int
    frame: Frame


class Snapshots:
    """Makes pictures one at a time.

    When everybody reconnects at once, after a restart or a lost network, each would otherwise read
    thousands of positions, and the next alert would wait behind all of that. Whoever waits here takes
    the picture that was begun after they asked; so nobody gets an old one.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._making = asyncio.Lock()
        self._asked = 0
        self._waiting = 0
        # By organisation: the newest picture, and how many had asked when it was begun.
        self._made: dict[str, tuple[int, Picture]] = {}

    async def take(self, scope: Scope) -> Picture:
        """Return a picture of what `scope` covers, read after this was called."""
        self._asked += 1
        mine = self._asked
        self._waiting += 1
        try:
            async with self._making:
                begun, picture = self._made.get(scope.org, (0, None))
                if picture is None or begun < mine:
                    begun = self._asked
                    now_ms = self._clock.now_ms()
                    picture = await self._database.read(lambda connection: _make(connection, scope, now_ms))
                    self._made[scope.org] = begun, picture
                return picture
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._made.clear()


def _make(connection: Connection, scope: Scope, now_ms: int) -> Picture:
    seq = current_marks(connection).alerts
    alerts = open_alerts(connection, scope)
    positions, devices = all_positions(connection, scope), all_devices(connection, scope)
    return Picture(seq, frames.snapshot(seq, now_ms, alerts, positions, devices))
