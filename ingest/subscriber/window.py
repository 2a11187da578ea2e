"""Window: how many messages may be in admission at once, in which order, and what happens when it fails."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from devices.clock import Clock
from devices.errors import RegistryUnavailable
from ingest.errors import LogUnavailable

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0

Attempt = Callable[[], Awaitable[None]]


class Window:
    """Lets at most `size` messages into admission at once, started in the order in which they came.

    A message whose admission fails stays inside until it succeeds. While the log or the registry is out,
    one message tries again and again and all others stand in line behind it; when it is through they
    follow in the order in which they came. Nobody is told that it failed: a message inside is unacknowledged.
    """

    def __init__(self, size: int, clock: Clock) -> None:
        self.size = size
        self.inside = 0
        self.retries = 0
        self._clock = clock
        self._slots = asyncio.Semaphore(size)
        self._turns = 0
        self._probing = False
        self._line: dict[int, asyncio.Future[None]] = {}
        self._room = asyncio.Event()
        self._room.set()

    @property
    def full(self) -> bool:
        """Whether no more should be read for now."""
        return self.inside >= self.size

    @property
    def roomy(self) -> bool:
        """Whether reading may go on after it was full."""
        return self.inside <= self.size // 2

    async def admit(self, attempt: Attempt) -> None:
        """Return when `attempt` has succeeded, however often that takes."""
        turn = self._turns
        self._turns += 1
        self.inside += 1
        if self.full:
            self._room.clear()
        try:
            async with self._slots:
                while not await self._try(attempt, turn):
                    self.retries += 1
        finally:
            self.inside -= 1
            if self.roomy:
                self._room.set()

    async def room(self) -> None:
        """Wait until there is room to read more."""
        await self._room.wait()

    async def _try(self, attempt: Attempt, turn: int) -> bool:
        if self._probing:
            self._line[turn] = asyncio.get_running_loop().create_future()
            try:
                await self._line[turn]
            finally:
                self._line.pop(turn, None)
        try:
            await attempt()
        except (LogUnavailable, RegistryUnavailable) as error:
            if not self._probing:
                log.error("admission is out", action="subscriber.admission_out", error=str(error))
                await self._probe(attempt)
                return True
            return False
        except Exception as error:  # noqa: BLE001 whatever it is, to acknowledge now would lose the message
            log.error("admission failed", action="subscriber.admission_failed", error=type(error).__name__)
            await self._clock.sleep_s(_LONGEST_PAUSE_S)
            return False
        return True

    async def _probe(self, attempt: Attempt) -> None:
        self._probing = True
        pause_s = _FIRST_PAUSE_S
        try:
            while True:
                await self._clock.sleep_s(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                self.retries += 1
                try:
                    await attempt()
                except (LogUnavailable, RegistryUnavailable):
                    continue
                log.warning("admission is back", action="subscriber.admission_back")
                return
        finally:
            self._probing = False
            for turn in sorted(self._line):
                if not self._line[turn].done():
                    self._line[turn].set_result(None)
