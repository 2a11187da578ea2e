"""The journal of a simulation: what each device sent, what was confirmed and what it heard, in order."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from simulators.errors import BadFile

What = Literal["connected", "disconnected", "published", "confirmed", "heard", "died"]
_REMEMBERED = 20_000


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the journal.

    `confirmed` means a PUBACK and nothing more; `heard` is something that came down. `seqs` are the
    first and last `seq` of a list of fixes.
    """

    at_ms: int
    device: str
    what: What
    channel: str | None = None
    kind: str | None = None
    seq: int | None = None
    seqs: tuple[int, int] | None = None
    alarm: str | None = None
    alert: str | None = None
    attempt: int | None = None


def open_sink(path: Path) -> BinaryIO:
    """Open the file that a journal is appended to.

    Raises:
        BadFile: it cannot be written.
    """
    try:
        return path.open("ab", buffering=0)
    except OSError as error:
        raise BadFile(f"cannot write {path}: {error.strerror}") from error


class Journal:
    """Remembers the newest entries, writes each as a JSON line at once, and lets others wait for one."""

    def __init__(self, sink: BinaryIO | None = None) -> None:
        """`sink` should be unbuffered or line-flushed: a journal is read after a kill."""
        self._sink = sink
        self.counts: Counter[tuple[What, str | None]] = Counter()
        self._entries: deque[Entry] = deque(maxlen=_REMEMBERED)
        self._listeners: list[Callable[[Entry], None]] = []
        self._waiting: list[tuple[Callable[[Entry], bool], asyncio.Future[Entry]]] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Append `entry` and wake whoever waits for it."""
        self._entries.append(entry)
        self.counts[entry.what, entry.channel] += 1
        if self._sink is not None:
            self._sink.write(msgspec.json.encode(entry) + b"\n")
            self._sink.flush()
        for listener in self._listeners:
            listener(entry)
        if self._waiting:
            self._wake(entry)

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Call `listener` with each entry from now on."""
        self._listeners.append(listener)

    def _wake(self, entry: Entry) -> None:
        for predicate, found in self._waiting:
            if not found.done() and predicate(entry):
                found.set_result(entry)
        self._waiting = [pair for pair in self._waiting if not pair[1].done()]

    def find(self, predicate: Callable[[Entry], bool]) -> Entry | None:
        """Return the first remembered entry that `predicate` accepts."""
        return next((entry for entry in self._entries if predicate(entry)), None)

    async def next_where(self, predicate: Callable[[Entry], bool]) -> Entry:
        """Wait for the next entry that `predicate` accepts; earlier ones do not count."""
        found: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._waiting.append((predicate, found))
        try:
            return await found
        finally:
            self._waiting = [pair for pair in self._waiting if pair[1] is not found]

    async def wait_for(self, predicate: Callable[[Entry], bool]) -> Entry:
        """Return the first entry that `predicate` accepts, of the past or of the time to come."""
        return self.find(predicate) or await self.next_where(predicate)
