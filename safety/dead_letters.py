"""The dead letters' desk: carries them from the log to the store, where the console reads them."""

from collections.abc import Sequence

import msgspec
import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.lanes import DEAD_LETTERS
from ingest.log.port import BEGINNING, EventLog
from ingest.records import DeadLetter
from safety.store.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from safety.store.database import Database
from safety.store.once import insert_once
from safety.store.tables import dead_letters, devices

_BATCH = 64
_IDLE_S = 1.0
_RETRY_AFTER_S = 0.2

_log = structlog.get_logger(__name__)
_decoder = msgspec.msgpack.Decoder(DeadLetter)


class DeadLetterDesk:
    """Files the dead letters of one partition."""

    def __init__(self, partition: int, log: EventLog, database: Database, clock: Clock) -> None:
        self._partition = partition
        self._event_log = log
        self._database = database
        self._clock = clock
        self._offset = BEGINNING

    async def run(self) -> None:
        """File for ever, from where the store says it stopped."""
        saved = await self._database.read(lambda c: load_checkpoint(c, DEAD_LETTERS, self._partition))
        self._offset = BEGINNING if saved is None else saved.offset
        while True:
            try:
                if not await self.step():
                    await self._event_log.wait(DEAD_LETTERS, self._partition, self._offset, _IDLE_S)
            except (OperationalError, LogUnavailable) as error:
                _log.warning("dead letters were not filed", action="file_failed", error=str(error))
                await self._clock.sleep_s(_RETRY_AFTER_S)

    async def checkpoint(self) -> None:
        """Nothing is left to write down: each batch is filed together with how far it goes."""

    async def step(self) -> bool:
        """File one batch; tell whether there was one."""
        entries = await self._event_log.read(DEAD_LETTERS, self._partition, self._offset, _BATCH)
        if not entries:
            return False
        letters = [_decoder.decode(entry.value) for entry in entries]
        reached = Checkpoint(DEAD_LETTERS, self._partition, entries[-1].offset, b"", self._clock.now_ms())

        def file(connection: Connection) -> None:
            insert_once(connection, dead_letters, _rows(connection, letters))
            save_checkpoint(connection, reached)

        await self._database.write(file)
        self._offset = reached.offset
        return True


def _rows(connection: Connection, letters: Sequence[DeadLetter]) -> list[dict[str, object]]:
    """Return the letters as rows, each with the organisation of its device, if there is such a device."""
    named = {letter.device for letter in letters}
    owners = select(devices.c.id, devices.c.org).where(devices.c.id.in_(named))
    org_of = {row.id: row.org for row in connection.execute(owners)}
    return [{**msgspec.structs.asdict(letter), "org": org_of.get(letter.device)} for letter in letters]
