"""The runner: reads one partition of a lane, steps the engine, stores the effects, keeps checkpoints.

Effects are stored before the offset moves on (what is put off, before the next checkpoint), and a checkpoint
is written after both: killed at any instant, the tail is run again and storing it again changes nothing. A
partition is claimed first; whoever has lost it to a newer claim writes nothing more (ADR 0007).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.lanes import ALARMS, TELEMETRY
from ingest.log.port import BEGINNING, Entry, EventLog
from ingest.right_of_way import RightOfWay
from safety import interpreter
from safety.effect_writer import RETRY_AFTER_S, EffectWriter
from safety.engine import decode, engine_for
from safety.rules.effects import Effect
from safety.store.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from safety.store.claims import claim, hold
from safety.store.database import Database

BATCH = 256
"""Small batches: an alarm never waits for a long one (measured: p50 1.6 ms at 256, 15 ms at 4,096)."""
ONE_WRITER_BATCH = 128
"""Where the store has one writer an alarm waits for a batch's commit as well: of 256 locations it takes 3 ms
and every tenth 6, of 128 half of that. With 64 catching up is a third slower."""

BATCHES = {ALARMS: 1, TELEMETRY: 4}
"""How many of them a lane that is behind decides before it stores their effects at once: a transaction costs
as much as a hundred locations do. Where the store has one writer it is always one batch: behind a backlog an
alarm took 11 ms beside four and 7 beside one; locations are caught up with at 36,000 a second, not 45,000."""

CHECKPOINT_EVERY_S = 5.0
CHECKPOINT_SHARE = 1 / 20
"""Of the time checkpoints take so much at most: those of very many nurses come less often."""
CHECKPOINT_AT_LATEST_S = 15.0
"""However long one took or stood behind another writer: without one for `safety.lag.STILL_S` the partition
passes for one that nobody works on."""
GATHER_S = {ALARMS: 0.0, TELEMETRY: 0.1}
"""How long a lane lets entries gather before it takes less than a full batch. A transaction for every few
locations would keep an alarm's from the store's one writer, and the machine from everything else."""
_TURNS = 3
"""Of the loop, between two batches: in so many an alarm that has just come in takes the right of way."""
_IDLE_S = 1.0

_log = structlog.get_logger(__name__)


class RunnerMetrics:
    """What the runners count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.entries = Counter("vigil_engine_entries", "Log entries processed", ["lane"], registry=registry)
        self.faults = Counter(
            "vigil_engine_faults", "Log entries that no rule could take", ["lane"], registry=registry
        )
        self.lag = Gauge(
            "vigil_engine_lag", "Log entries not yet processed", ["lane", "partition"], registry=registry
        )


class Runner:
    """Processes one partition of one lane.

    `wake` is called, on the store's thread, when people should look at the store; lanes of one process share
    a `way`.
    """

    def __init__(
        self,
        lane: str,
        partition: int,
        log: EventLog,
        database: Database,
        clock: Clock,
        metrics: RunnerMetrics,
        wake: Callable[[], None],
        owner: str = "vigil",
        way: RightOfWay | None = None,
    ) -> None:
        self._lane = lane
        self._partition = partition
        self._event_log = log
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._owner = owner
        self._way = way or RightOfWay(clock)
        self._writer = EffectWriter(lane, database, clock, self._way, wake, self._hold)
        self._batch, self._batches = (ONE_WRITER_BATCH, 1) if database.one_writer else (BATCH, BATCHES[lane])
        self._epoch = 0
        self._engine = engine_for(lane)
        self._offset = BEGINNING
        self._saved_offset = BEGINNING
        self._saved_s = clock.monotonic_s()
        self._checkpoint_after_s = CHECKPOINT_EVERY_S
        self._torn = False

    @property
    def offset(self) -> int:
        """The offset up to which all effects are stored, but for what is put off."""
        return self._offset

    async def lag(self) -> int:
        """Return how many entries are not yet processed."""
        return await self._event_log.end(self._lane, self._partition) - self._offset

    async def run(self) -> None:
        """Process for ever, from the last checkpoint on.

        Raises:
            Superseded: somebody else has claimed the partition.
        """
        await self.load()
        try:
            while True:
                if await self._turn() < self._batch:
                    await self._event_log.wait(self._lane, self._partition, self._offset, _IDLE_S)
                    await self._clock.sleep_s(GATHER_S[self._lane])
        finally:
            with suppress(KeyError):  # it may never have been told
                self._metrics.lag.remove(self._lane, str(self._partition))

    async def _turn(self) -> int:
        """Take a step; an alarm's goes before any other that has not begun."""
        if self._lane == ALARMS:
            with self._way.taken():
                return await self.step()
        await self._way.given()
        return await self.step()

    async def load(self) -> None:
        """Claim the partition, and take over the last checkpoint.

        Raises:
            LogUnavailable: it cannot be read here, and so stays with whoever has it.
        """
        await self._event_log.end(self._lane, self._partition)

        def take(connection: Connection) -> tuple[int, Checkpoint | None]:
            epoch = claim(connection, self._lane, self._partition, self._owner, self._clock.now_ms())
            return epoch, load_checkpoint(connection, self._lane, self._partition)

        self._epoch, saved = await self._database.write(take)
        if saved is not None and self._restore(saved.state):
            self._offset = self._saved_offset = saved.offset
            if await self._ends_before(saved.offset):
                raise LogUnavailable(
                    f"{self._lane} ends before its checkpoint at {saved.offset}: was the log replaced? "
                    "restore it, or delete the checkpoint to begin anew"
                )

        await self._tell_lag()

    async def _tell_lag(self) -> None:
        with suppress(LogUnavailable):  # the next read says so
            self._metrics.lag.labels(self._lane, self._partition).set(await self.lag())

    async def _ends_before(self, offset: int) -> bool:
        if await self.lag() >= 0:
            return False
        # The end may be known from before the one who wrote the checkpoint read on; a read looks at it again.
        await self._event_log.read(self._lane, self._partition, offset, 1)
        return await self.lag() < 0

    def _restore(self, state: bytes) -> bool:
        """Take over a state; tell whether it can be read: one of another version cannot.

        Then the log is run again from its beginning: what it raises is stored already, nobody is told twice.
        """
        try:
            with interpreter.loading():
                self._engine.restore(state)
        except msgspec.MsgspecError:
            _log.warning("checkpoint is of another version", action="checkpoint_stale", lane=self._lane)
            return False
        return True

    async def step(self) -> int:
        """Process one batch, of a lane that is behind as many as it may; return how many entries they had."""
        count, offset, behind = 0, self._offset, False
        try:
            for number in range(self._batches):
                if number:
                    for _ in range(_TURNS):
                        await self._clock.sleep_s(0)
                    if self._way.wanted():
                        break
                entries = await self._event_log.read(self._lane, self._partition, offset, self._batch)
                if not entries:
                    break
                self._torn = True
                self._writer.gather(self._decide(entries))
                count, offset = count + len(entries), entries[-1].offset
                full = count >= self._batch
                behind = full and offset < await self._event_log.end(self._lane, self._partition)
                if not behind:
                    break
        except LogUnavailable as error:
            _log.warning("log cannot be read", action="read_failed", lane=self._lane, error=str(error))
            behind = False
            if not count:
                await self._clock.sleep_s(RETRY_AFTER_S)
        await self._writer.write(may_put_off=behind and not self._checkpoint_is_due())
        if count:
            self._offset = offset
            self._torn = False
            self._metrics.entries.labels(self._lane).inc(count)
        await self._checkpoint_if_due()
        await self._tell_lag()
        return count

    async def checkpoint(self) -> None:
        """Write down the state, if it has moved since the last time.

        Not where a batch was broken off, or something is put off: the state is ahead of what is stored, and
        it runs again instead.

        Raises:
            Superseded: somebody else has claimed the partition.
        """
        if self._torn or self._writer.puts_off or self._offset == self._saved_offset:
            return
        saved = Checkpoint(
            self._lane, self._partition, self._offset, self._engine.snapshot(), self._clock.now_ms()
        )

        def save(connection: Connection) -> None:
            self._hold(connection)
            save_checkpoint(connection, saved)

        await self._database.write(save)
        self._saved_offset = saved.offset

    def _decide(self, entries: Sequence[Entry]) -> list[Effect]:
        def failed(index: int, error: Exception) -> None:
            self._metrics.faults.labels(self._lane).inc()
            _log.error(
                "record cannot be processed",
                action="engine_fault",
                lane=self._lane,
                partition=self._partition,
                offset=entries[index].offset,
                exc_info=error,
            )

        return self._engine.run([decode(entry.value) for entry in entries], failed)

    def _hold(self, connection: Connection) -> None:
        hold(connection, self._lane, self._partition, self._epoch)

    def _checkpoint_is_due(self) -> bool:
        return self._clock.monotonic_s() - self._saved_s >= self._checkpoint_after_s

    async def _checkpoint_if_due(self) -> None:
        if not self._checkpoint_is_due():
            return
        begun_s, rest_s = self._clock.monotonic_s(), CHECKPOINT_EVERY_S
        try:
            await self.checkpoint()
        except OperationalError as error:
            _log.warning("checkpoint was not written", action="checkpoint_failed", error=str(error))
        else:
            rest_s = max(rest_s, (self._clock.monotonic_s() - begun_s) / CHECKPOINT_SHARE)
        self._saved_s = self._clock.monotonic_s()
        self._checkpoint_after_s = min(rest_s, CHECKPOINT_AT_LATEST_S)
