"""What a device has yet to send, apart from alarms: kept while it is offline, in order."""

from collections import deque
from itertools import islice
from typing import NamedTuple

from simulators import payloads

MAX_LIST = 1_000
"""Fixes in one list, by the contract."""
_MAX_FIXES = 20_000  # five hours at one a second; then the oldest go, as on a real phone
_MAX_RESENDABLE = 1_000


class Letter(NamedTuple):
    """One message to publish. `seqs` are the first and the last `seq` in it."""

    channel: str
    kind: str
    seqs: tuple[int, int]
    payload: bytes


class _Fix(NamedTuple):
    seq: int
    payload: bytes


class Outbox:
    """Letters first (they are few and matter more), then fixes: one alone, or a list after a gap.

    Fixes go in the order they were put in, which need not be that of their `seq`.
    """

    def __init__(self, max_list: int = MAX_LIST, fix_channel: str = "location") -> None:
        """`max_list` is how many fixes may go in one list; 1 sends each alone, on `fix_channel`."""
        self._max_list = max_list
        self._fix_channel = fix_channel
        self._letters: deque[Letter] = deque()
        self._fixes: deque[_Fix] = deque()
        self._under_way: list[_Fix] = []
        self._sent: deque[_Fix] = deque(maxlen=_MAX_RESENDABLE)
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._letters) + len(self._fixes)

    def put(self, letter: Letter) -> None:
        """Queue an event, a record or a status; a status that still waits is replaced by a newer one."""
        if letter.channel == "status":
            self._letters = deque(each for each in self._letters if each.channel != "status")
        self._letters.append(letter)

    def put_fix(self, seq: int, payload: bytes) -> None:
        """Queue a fix; beyond what a phone would keep, the oldest is dropped and counted."""
        if len(self._fixes) >= _MAX_FIXES:
            self._fixes.popleft()
            self.dropped += 1
        self._fixes.append(_Fix(seq, payload))

    def first(self) -> Letter | None:
        """Return what to send next, without taking it out."""
        if self._letters:
            return self._letters[0]
        if not self._fixes:
            return None
        batch = self._under_way = list(islice(self._fixes, self._max_list))
        seqs = (min(each.seq for each in batch), max(each.seq for each in batch))
        if len(batch) == 1:
            return Letter(self._fix_channel, "fix", seqs, batch[0].payload)
        return Letter(self._fix_channel, "fixes", seqs, payloads.fixes([each.payload for each in batch]))

    def confirmed(self, letter: Letter) -> None:
        """Take out what the broker has confirmed."""
        if letter.kind not in ("fix", "fixes"):
            self._letters = deque(each for each in self._letters if each is not letter)
            return
        for fix in self._under_way:
            if self._fixes and self._fixes[0] is fix:  # else it was dropped meanwhile
                self._sent.append(self._fixes.popleft())
        self._under_way = []

    def resend(self, first_seq: int, last_seq: int) -> int:
        """Queue the sent fixes from `first_seq` to `last_seq` once more; return how many are left of them."""
        wanted = [each for each in self._sent if first_seq <= each.seq <= last_seq]
        for start in range(0, len(wanted), MAX_LIST):
            part = wanted[start : start + MAX_LIST]
            payload = payloads.fixes([each.payload for each in part])
            self._letters.append(Letter("location", "resent", (part[0].seq, part[-1].seq), payload))
        return len(wanted)
