"""Size: how much of a week there is, when it is, and what its things are called."""

import base64
import hashlib
from typing import NamedTuple

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

NOW_MS = 1_795_417_200_000
"""The moment at which the week is looked at: the afternoon (15:00 in Shanghai) of its last day."""
_MIDNIGHT_MS = NOW_MS - 15 * HOUR_MS


class Size(NamedTuple):
    """How many nurses, over how many days (the last one is today), and how often each phone reports."""

    nurses: int = 10_000
    days: int = 7
    fix_every_s: float = 30.0

    @property
    def orgs(self) -> int:
        """How many organisations they belong to, below the one at the top."""
        return max(1, self.nurses // 100)

    def day_ms(self, day: int) -> int:
        """Return when a day begins; 0 is today, 1 is tomorrow."""
        return _MIDNIGHT_MS + day * DAY_MS


def named(kind: str, number: int) -> str:
    """Return the id of the thing of this kind with this number, as long as a real one."""
    digest = hashlib.sha256(f"{kind}/{number}".encode()).digest()[:10]
    return f"{kind}_{base64.b32encode(digest).decode().lower()}"
