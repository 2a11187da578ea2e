"""Window: how many messages may be in admission at once, in which order, and what happens when it fails."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import structlog

from devices.clock import Clock
from devices.errors import RegistryUnavailable
from ingest.errors import LogUnavailable

log = structlog.get_logger(__name__)

MAX_BATCH = 256
"""Messages admitted together: with more, an append keeps the loop for longer than it saves."""
MAX_BATCH_BYTES = 256 * 1024
"""Of payloads admitted together, unless one alone is larger."""
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0

T = TypeVar("T")


class _Taken(NamedTuple, Generic[T]):
    message: T
    size: int
    then: Callable[[], object]


class Window(Generic[T]):
    """Lets at most `size` messages into `admit` at once, in the order in which they came.

    What has come by the time the loop comes round, or within `gather_s`, goes in together; a full batch does
    not wait. A batch whose admission fails stays inside until it succeeds. While the log or the registry is
    out, one batch tries again and again and all others stand in line behind it; when it is through they
    follow in the order in which they came. One that fails otherwise is taken apart, so that a message which
    cannot be admitted holds up no other. Nobody is told that it failed: a message inside is unacknowledged.
    """

    def __init__(
        self,
        size: int,
        clock: Clock,
        admit: Callable[[Sequence[T]], Awaitable[None]],
        gather_s: float = 0.0,
    ) -> None:
        self.size = size
        self.retries = 0
        self._clock = clock
        self._admit = admit
        self._gather_s = gather_s
        self._gathering: asyncio.Task[None] | None = None
        self._waiting: deque[_Taken[T]] = deque()
        self._admitting = 0
        self._turns = 0
        self._probing = False
        self._line: list[tuple[int, asyncio.Future[None]]] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._when_roomy: list[Callable[[], object]] = []

    @property
    def inside(self) -> int:
        """How many messages were taken and are not admitted yet."""
        return self._admitting + len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more should be read for now."""
        return self._admitting + len(self._waiting) >= self.size

    @property
    def roomy(self) -> bool:
        """Whether reading may go on after it was full."""
        return self.inside <= self.size // 2

    def take(self, message: T, size: int, then: Callable[[], object]) -> None:
        """Take in `message`, of `size` bytes; `then` is called once it is admitted, however late."""
        self._waiting.append(_Taken(message, size, then))
        if len(self._waiting) >= MAX_BATCH or self.full:
            self._let_in()
        elif self._gathering is None:
            self._gathering = asyncio.create_task(self._gather(), name="gathering")

    async def admit(self, messages: Sequence[T], size: Callable[[T], int]) -> None:
        """Take in `messages`, and wait until all of them are admitted."""
        loop = asyncio.get_running_loop()
        admitted = [loop.create_future() for _ in messages]
        for message, one in zip(messages, admitted, strict=True):
            self.take(message, size(message), partial(_settle, one))
        await asyncio.gather(*admitted)

    def when_roomy(self, call: Callable[[], object]) -> None:
        """Have `call` called once, when there is room to read more."""
        if self.roomy:
            call()
        else:
            self._when_roomy.append(call)

    async def room(self) -> None:
        """Wait until there is room to read more."""
        roomy: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_roomy(partial(_settle, roomy))
        await roomy

    async def close(self) -> None:
        """Give up what is inside: nobody will acknowledge it. The window can be used again."""
        self._waiting.clear()
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        batches = set(self._batches)
        for batch in batches:
            batch.cancel()
        if batches:
            await asyncio.wait(batches)

    async def _gather(self) -> None:
        if self._gather_s:
            await self._clock.sleep_s(self._gather_s)
        self._gathering = None
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._admitting < self.size:
            self._start(self._next_batch(), self._turns)
            self._turns += 1

    def _next_batch(self) -> list[_Taken[T]]:
        batch: list[_Taken[T]] = []
        most, size = min(MAX_BATCH, self.size - self._admitting), 0
        while self._waiting and len(batch) < most:
            size += self._waiting[0].size
            if batch and size > MAX_BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _start(self, batch: list[_Taken[T]], turn: int) -> None:
        self._admitting += len(batch)
        task = asyncio.create_task(self._pass(batch, turn), name="admission")
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)

    async def _pass(self, batch: list[_Taken[T]], turn: int) -> None:
        """Admit `batch`, or what it is made of, and tell who waits for that."""
        try:
            if await self._is_admitted(batch, turn):
                for taken in batch:
                    taken.then()
            else:
                for taken in batch:
                    self._start([taken], turn)
        finally:
            self._admitting -= len(batch)
            if self._gathering is None:
                self._let_in()
            if self.roomy:
                calls, self._when_roomy = self._when_roomy, []
                for call in calls:
                    call()

    async def _is_admitted(self, batch: list[_Taken[T]], turn: int) -> bool:
        """Admit `batch`, however long that takes; tell if it was, or must be taken apart."""
        messages = [taken.message for taken in batch]
        probes, pause_s = False, _FIRST_PAUSE_S
        try:
            while True:
                if self._probing and not probes:
                    await self._stand_in_line(turn)
                try:
                    await self._admit(messages)
                except (LogUnavailable, RegistryUnavailable) as error:
                    self.retries += 1
                    if self._probing and not probes:
                        continue
                    if not probes:
                        log.error("admission is out", action="subscriber.admission_out", error=str(error))
                        probes = self._probing = True
                    await self._clock.sleep_s(pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                except Exception as error:  # noqa: BLE001 whatever it is, to acknowledge now would lose messages
                    self.retries += 1
                    kind = type(error).__name__
                    log.error("admission failed", action="subscriber.admission_failed", error=kind)
                    if len(batch) > 1:
                        return False
                    probes = self._end_probing(probes)
                    await self._clock.sleep_s(_LONGEST_PAUSE_S)
                else:
                    if probes:
                        log.warning("admission is back", action="subscriber.admission_back")
                    return True
        finally:
            self._end_probing(probes)

    async def _stand_in_line(self, turn: int) -> None:
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((turn, called))
        await called

    def _end_probing(self, probes: bool) -> bool:
        """Call those who stand in line behind who `probes`, in the order in which they came; return False."""
        if probes:
            self._probing = False
            line, self._line = sorted(self._line, key=lambda one: one[0]), []
            for _, called in line:
                _settle(called)
        return False


def _settle(waited: asyncio.Future[None]) -> None:
    if not waited.done():  # who waited may have been cancelled
        waited.set_result(None)
