"""EffectWriter: stores what a lane decided; one that is behind leaves out what is overtaken at once."""

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from ingest.lanes import ALARMS, TELEMETRY
from ingest.right_of_way import RightOfWay
from safety.errors import GaveWay
from safety.rules.effects import Effect, RaiseAlert
from safety.store.database import Database
from safety.store.effects import store_effects, store_paces
from safety.store.newest import Newest

PUT_OFF_S = {ALARMS: 0.0, TELEMETRY: 1.0}
"""How long a lane that is behind keeps to itself where people and how devices are: most is overtaken then."""
RETRY_AFTER_S = 0.2
_SLICE = 1024
"""Of so many nurses and devices at most they are stored at once."""

_log = structlog.get_logger(__name__)


class EffectWriter:
    """Writes for one partition of a lane.

    Each transaction begins with `hold`, which refuses it to whoever has lost the partition. `wake` is called,
    on the store's thread, when people should look at the store.
    """

    def __init__(
        self,
        lane: str,
        database: Database,
        clock: Clock,
        way: RightOfWay,
        wake: Callable[[], None],
        hold: Callable[[Connection], None],
    ) -> None:
        self._lane = lane
        self._database = database
        self._clock = clock
        self._way = way
        self._wake = wake
        self._hold = hold
        self._effects: list[Effect] = []
        self._newest = Newest()
        self._newest_stored_s = clock.monotonic_s()

    @property
    def puts_off(self) -> bool:
        """Whether something is not stored yet."""
        return bool(self._newest)

    def gather(self, effects: Sequence[Effect]) -> None:
        """Take in what is to be stored next, after what was gathered before."""
        self._effects += effects
        self._newest.take(effects)

    async def write(self, *, may_put_off: bool) -> None:
        """Store what was gathered, however long it takes; what is newest in it later, if that may be put off.

        Raises:
            Superseded: somebody else has claimed the partition.
        """
        effects, self._effects = self._effects, []
        now_s = self._clock.monotonic_s()
        if may_put_off and now_s - self._newest_stored_s < PUT_OFF_S[self._lane]:
            await self._write(effects, Newest())
            return
        for part in self._newest.slices(_SLICE):
            await self._write(effects, part)
            effects = []
        await self._write(effects, Newest())
        self._newest = Newest()
        self._newest_stored_s = self._clock.monotonic_s()

    async def _write(self, effects: Sequence[Effect], newest: Newest) -> None:
        """Store both in one transaction, what can wait in the next; only after that may the offset move."""
        if not effects and not newest:
            return
        now_ms = self._clock.now_ms
        await self._commit(lambda connection: store_effects(connection, effects, now_ms(), newest))
        if any(isinstance(effect, RaiseAlert) for effect in effects):
            await self._commit(lambda connection: store_paces(connection, effects, now_ms()))

    async def _commit(self, work: Callable[[Connection], bool]) -> None:
        """Do `work` in a transaction, however long it takes; wake people if it says that it concerns them."""

        def store(connection: Connection) -> bool:
            self._hold(connection)
            return work(connection)

        def tell(concerns_people: bool) -> None:
            if concerns_people:
                self._wake()

        gives_way = None if self._lane == ALARMS else self._way.wanted
        while True:
            try:
                await self._database.write(store, tell, gives_way=gives_way)
            except GaveWay:
                await self._way.given()
                gives_way = None  # once each transaction: a storm of alarms must not keep locations for ever
            except OperationalError as error:
                _log.warning("store is unavailable", action="store_failed", lane=self._lane, error=str(error))
                await self._clock.sleep_s(RETRY_AFTER_S)
            else:
                return
