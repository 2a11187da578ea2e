"""ProcessPart: the log in, alerts out, for the partitions that this process owns."""

from collections.abc import Callable, Mapping
from functools import partial

from devices.identity import new_id
from ingest.errors import LogUnavailable
from ingest.lanes import DEAD_LETTERS, LANES
from ingest.log.assignment import Assignments
from ingest.log.port import EventLog
from safety.crew import Crew, Worker
from safety.dead_letters import DeadLetterDesk
from safety.housekeeping import Housekeeping
from safety.lag import MAX_LAG, LagWatch
from safety.parts.part import Ground, Tasks
from safety.runner import Runner, RunnerMetrics


class ProcessPart:
    """Runs the engine over what `assignments` deal out of `log`, and files its dead letters."""

    def __init__(self, ground: Ground, log: EventLog, assignments: Assignments) -> None:
        self._ground = ground
        self._event_log = log
        self._assignments = assignments
        self._metrics = RunnerMetrics(ground.metrics)
        self._crew = Crew(self._posts_of, ground.clock)
        # Under which it claims partitions, for people to read.
        self._name = ground.settings.process_name or new_id("prc")
        self._lag = LagWatch(log, ground.database, ground.clock, ground.metrics)
        self._house = Housekeeping(ground.database, ground.clock, ground.settings)

    async def open(self) -> None:
        """Nothing is shared: each worker takes over its own checkpoint."""

    def tasks(self) -> Tasks:
        """Return the crew, whose members write down where they are when they end, and who looks after it."""
        return [
            ("crew", self._crew.run(self._assignments)),
            ("lag", self._lag.run()),
            ("housekeeping", self._house.run()),
        ]

    async def until_ready(self) -> None:
        """It begins at once, with what is its own."""

    async def close(self) -> None:
        """The crew has written down where it is."""

    async def check(self) -> Mapping[str, str]:
        """Return how far the engine is behind here, and how all partitions are."""
        return {"engine": await self._engine(), "partitions": self._lag.verdict}

    async def _engine(self) -> str:
        try:
            lags = [await worker.lag() for worker in self._crew.workers if isinstance(worker, Runner)]
        except LogUnavailable as error:
            return f"how far it is behind is unknown: {error}"
        behind = max(lags, default=0)
        return "ok" if behind <= MAX_LAG else f"{behind} entries behind"

    def _posts_of(self, partition: int) -> Mapping[str, Callable[[], Worker]]:
        lanes: dict[str, Callable[[], Worker]] = {
            lane: partial(self._runner, lane, partition) for lane in LANES
        }
        return lanes | {DEAD_LETTERS: partial(self._desk, partition)}

    def _runner(self, lane: str, partition: int) -> Runner:
        ground = self._ground
        log, wake = self._event_log, ground.wakes.wake
        return Runner(
            lane,
            partition,
            log,
            ground.database,
            ground.clock,
            self._metrics,
            wake,
            self._name,
            ground.way,
        )

    def _desk(self, partition: int) -> DeadLetterDesk:
        return DeadLetterDesk(partition, self._event_log, self._ground.database, self._ground.clock)
