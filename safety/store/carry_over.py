"""Carrying over: SQLite's write-ahead log goes into the store beside the writers, not in somebody's commit.

By itself SQLite does it in the commit that makes the log too long, and its 30 ms are an alarm's then.
"""

import asyncio
import sqlite3
from contextlib import closing

import structlog
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from ingest.right_of_way import RightOfWay
from safety.store.database import Database

EVERY_S = 1.0
LONG_PAGES = 4_000
"""A log so long begins anew; catching up with locations writes twice as much a second."""
_log = structlog.get_logger(__name__)


async def carry_over(database: Database, clock: Clock, way: RightOfWay) -> None:
    """Carry over what was committed, for ever; PostgreSQL does so by itself."""
    while True:
        await clock.sleep_s(EVERY_S)
        if database.one_writer and await asyncio.to_thread(_carry_over, database) > LONG_PAGES:
            await asyncio.to_thread(_carry_over, database)  # what came meanwhile, so that little is left
            await way.given()
            await asyncio.to_thread(_end, database)


def _end(database: Database) -> None:
    """Carry over the last of it while nobody writes: whoever writes next begins the log at its front.

    While somebody writes all the time it would only become longer.
    """
    with database.nobody_writing():
        _carry_over(database)


def _carry_over(database: Database) -> int:
    """Return how many pages the log had."""
    try:
        with closing(database.engine.raw_connection()) as connection:
            # Waits for nobody, and nobody for it; what is left then is carried over the next time.
            _, pages, _ = connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return int(pages)
    except (OperationalError, sqlite3.Error) as error:
        _log.warning("write-ahead log not carried over", action="carry_over_failed", error=str(error))
        return 0
