"""The crew: works on the partitions that this process owns, each with workers of its own."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.log.assignment import Assignments
from safety.errors import Superseded

_AGAIN_AFTER_S = 1.0
_log = structlog.get_logger(__name__)


class Worker(Protocol):
    """Works on one partition of one topic, from where the store says that the last one stopped."""

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            Superseded: somebody else has claimed the partition.
        """

    async def checkpoint(self) -> None:
        """Write down how far it is; also after `run` was cancelled.

        Raises:
            Superseded: somebody else has claimed the partition.
        """


class Crew:
    """The owner of partitions. `posts_of` one are the workers it needs, by name: how to make a new one.

    A worker that has lost its claim, or finds log or store missing, is replaced by a new one a second later
    for as long as the partition is ours: it claims it again, and begins at the last checkpoint. Anything else
    that a worker raises ends `run`.
    """

    def __init__(self, posts_of: Callable[[int], Mapping[str, Callable[[], Worker]]], clock: Clock) -> None:
        self._posts_of = posts_of
        self._clock = clock
        self._at_work: dict[int, dict[str, Worker]] = {}
        self._posts: dict[int, list[asyncio.Task[None]]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def partitions(self) -> frozenset[int]:
        """What is owned now."""
        return frozenset(self._posts)

    @property
    def workers(self) -> list[Worker]:
        """Who is at work now."""
        return [worker for workers in self._at_work.values() for worker in workers.values()]

    async def run(self, assignments: Assignments) -> None:
        """Work on what `assignments` deal out, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            # Not a task among the others: it ends first, and so in order.
            await assignments.run(self)

    async def before_change(self) -> None:
        """Write down how far every worker is."""
        await asyncio.gather(*(_write_down(worker) for worker in self.workers))

    async def own(self, partitions: frozenset[int]) -> None:
        """Begin to work on what is new in `partitions`, and end what is not among them."""
        lost = [self._posts.pop(partition) for partition in self.partitions - partitions]
        for partition in sorted(partitions - self.partitions):
            self._begin(partition)
        ending = [post for posts in lost for post in posts]
        for post in ending:
            if not post.cancelling():  # a second time would break off its checkpoint
                post.cancel()
        if ending:
            await asyncio.wait(ending)

    def _begin(self, partition: int) -> None:
        if self._tasks is None:
            raise RuntimeError("the crew is not running")
        workers = self._at_work.setdefault(partition, {})
        self._posts[partition] = [
            self._tasks.create_task(self._fill(name, hire, workers), name=f"{name}-{partition}")
            for name, hire in self._posts_of(partition).items()
        ]

    async def _fill(self, name: str, hire: Callable[[], Worker], workers: dict[str, Worker]) -> None:
        """Keep one post filled."""
        try:
            while True:
                worker = workers[name] = hire()
                try:
                    await worker.run()
                except Superseded as error:
                    _log.warning("partition lost", action="partition_lost", worker=name, error=str(error))
                except (LogUnavailable, OperationalError) as error:
                    _log.warning("worker stopped", action="worker_stopped", worker=name, error=str(error))
                except asyncio.CancelledError:
                    await _write_down(worker)
                    raise
                await self._clock.sleep_s(_AGAIN_AFTER_S)
        finally:
            workers.pop(name, None)


async def _write_down(worker: Worker) -> None:
    try:
        await worker.checkpoint()
    except (Superseded, LogUnavailable, OperationalError) as error:
        # Whoever comes next runs a longer tail.
        _log.info("no checkpoint", action="checkpoint_left_out", error=str(error))
