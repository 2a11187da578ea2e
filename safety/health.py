"""PartsHealth: how the parts of the service are, for `/readyz`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ingest.downlink import Downlink
from ingest.errors import LogUnavailable
from ingest.lanes import LANES
from ingest.log.port import EventLog
from ingest.subscriber import Subscriber
from safety.runner import Runner
from safety.store.database import Database

MAX_LAG = 10_000
"""Entries that the engine may be behind before it counts as unwell."""


class PartsHealth:
    """Asks each part how it is."""

    def __init__(
        self,
        database: Database,
        log: EventLog,
        subscribers: Sequence[Subscriber],
        downlink: Downlink,
        runners: Sequence[Runner],
    ) -> None:
        self._database = database
        self._event_log = log
        self._subscribers = subscribers
        self._downlink = downlink
        self._runners = runners

    async def check(self) -> Mapping[str, str]:
        """Return `ok`, or what is wrong, for each part."""
        return {
            "store": await self._store(),
            "log": await self._log(),
            "broker": "ok" if all(one.connected for one in self._subscribers) else "not connected",
            "engine": await self._engine(),
            "routing": "ok" if self._downlink.connected else "devices cannot be told",
        }

    async def _store(self) -> str:
        try:
            await self._database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
        except SQLAlchemyError as error:
            return f"cannot be read: {error}"
        return "ok"

    async def _log(self) -> str:
        try:
            for lane in LANES:
                await self._event_log.end(lane, 0)
        except LogUnavailable as error:
            return str(error)
        return "ok"

    async def _engine(self) -> str:
        try:
            behind = [await runner.lag() for runner in self._runners]
        except LogUnavailable as error:
            return f"how far it is behind is unknown: {error}"
        return "ok" if max(behind) <= MAX_LAG else f"{max(behind)} entries behind"
