"""Watch: the newest offset of each partition of a topic, and who waits for the next one."""

import asyncio
from collections.abc import Mapping

from devices.clock import Clock
from ingest.log.port import BEGINNING


class Watch:
    """Newest offsets, moved forward after a commit; belongs to one event loop.

    `ends` is indexed by partition.
    """

    def __init__(self, clock: Clock, ends: list[int]) -> None:
        self._clock = clock
        self._ends = ends
        self._waiting: dict[int, list[asyncio.Future[bool]]] = {}
        self._closed = False

    def end(self, partition: int) -> int:
        """Return the newest offset of `partition`, `BEGINNING` while it is empty."""
        return self._ends[partition]

    def move(self, ends: Mapping[int, int]) -> None:
        """Take over newer `ends` (partition to offset) and wake whoever waits for them."""
        for partition, end in ends.items():
            self._ends[partition] = max(self._ends[partition], end)
            self._wake(partition)

    def close(self) -> None:
        """Wake everyone: nothing more will come."""
        self._closed = True
        for partition in list(self._waiting):
            self._wake(partition)

    async def wait(self, partition: int, after: int, timeout_s: float) -> bool:
        """Wait until there is an offset above `after`, at most `timeout_s` seconds; tell whether there is."""
        if self._is_over(partition, after) or timeout_s <= 0:
            return self._ends[partition] > after
        deadline = asyncio.ensure_future(self._clock.sleep_s(timeout_s))
        try:
            while not self._is_over(partition, after) and not deadline.done():
                woken = asyncio.get_running_loop().create_future()
                self._waiting.setdefault(partition, []).append(woken)
                await asyncio.wait((woken, deadline), return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        finally:
            deadline.cancel()
        return self._ends[partition] > after

    def _is_over(self, partition: int, after: int) -> bool:
        return self._closed or self._ends[partition] > after

    def _wake(self, partition: int) -> None:
        for woken in self._waiting.pop(partition, ()):
            if not woken.done():
                woken.set_result(True)


def empty(clock: Clock, partitions: int) -> Watch:
    """Return the watch of a topic with `partitions` empty partitions."""
    return Watch(clock, [BEGINNING] * partitions)
