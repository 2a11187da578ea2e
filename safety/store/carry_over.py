"""Carrying over: SQLite's write-ahead log goes into the store beside the writers, not in somebody's commit.

By itself SQLite does it in the commit that makes the log too long, and its 10 ms are an alarm's then.
"""

import asyncio
import sqlite3
from contextlib import closing

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from devices.clock import Clock

EVERY_S = 1.0
_log = structlog.get_logger(__name__)


async def carry_over(engine: Engine, clock: Clock) -> None:
    """Carry over what was committed, for ever; PostgreSQL does so by itself."""
    while True:
        await clock.sleep_s(EVERY_S)
        if engine.dialect.name == "sqlite":
            await asyncio.to_thread(_carry_over, engine)


def _carry_over(engine: Engine) -> None:
    try:
        with closing(engine.raw_connection()) as connection:
            # Waits for nobody, and nobody for it; what is left then is carried over the next time.
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except (OperationalError, sqlite3.Error) as error:
        _log.warning("write-ahead log not carried over", action="carry_over_failed", error=str(error))
