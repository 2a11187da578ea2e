"""PartsHealth: how the parts of this process are, for `/readyz`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from safety.parts.part import Part
from safety.store.database import Database


class PartsHealth:
    """Asks the store, and each part, how it is."""

    def __init__(self, database: Database, parts: Sequence[Part]) -> None:
        self._database = database
        self._parts = parts

    async def check(self) -> Mapping[str, str]:
        """Return `ok`, or what is wrong, for each thing this process needs or does."""
        found = {"store": await self._store()}
        for part in self._parts:
            found |= await part.check()
        return found

    async def _store(self) -> str:
        try:
            await self._database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
        except SQLAlchemyError:
            return "cannot be read"  # anybody may ask; where the store is, and why, is in the log
        return "ok"
