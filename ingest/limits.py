"""Limits: how much one device may send, and the buckets that measure it.

An alarm has a budget of its own, which no flood of locations can use up.
"""

import msgspec

from devices.topics import URGENT_CHANNELS

BURST_S = 40.0
"""For how long at the full rate a device may send at once, as after a gap in its network."""
URGENT_BURST_S = 60.0
MOST_PAYLOAD_BYTES = 3 * 1024 * 1024
"""No limit is larger: what passes must also fit into ingest's own connection."""
GATEWAY_FACTOR = 100.0
"""A gateway brings many devices' messages."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one device may send: messages and their bytes, alarms and events, and the largest payload.

    A phone sends a fix every few seconds, and what it kept during a gap in lists of a thousand. What an
    outside broker kept while ingest was away comes all at once, and is acknowledged already: `backlog_s` at
    the full rate are taken in.
    """

    messages_per_s: float = 50.0
    bytes_per_s: float = 256 * 1024.0
    urgent_per_s: float = 5.0
    payload_bytes: int = 1024 * 1024
    backlog_s: float = 3600.0


class Bucket:
    """A token bucket: `rate_per_s` come in, `burst` fit in; overdrawn, it gives nothing."""

    __slots__ = ("_burst", "_level", "_now_s", "_rate_per_s")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._level = burst
        self._now_s = now_s

    def take(self, amount: float, now_s: float) -> None:
        """Take `amount`, be it there or not; no debt is larger than a full bucket."""
        self._fill(now_s)
        self._level = max(self._level - amount, -self._burst)

    def wait_s(self, now_s: float) -> float:
        """Return for how long nothing comes out: 0 while anything is in it."""
        self._fill(now_s)
        return 0.0 if self._level > 0 else (1e-3 - self._level) / self._rate_per_s

    def is_full(self, now_s: float) -> bool:
        """Tell whether nothing was taken for so long that it may as well be forgotten."""
        self._fill(now_s)
        return self._level >= self._burst

    def _fill(self, now_s: float) -> None:
        self._level = min(self._burst, self._level + (now_s - self._now_s) * self._rate_per_s)
        self._now_s = now_s


class Budget:
    """What one device has left of its `limits`; a gateway has more of everything but size."""

    __slots__ = ("_bytes", "_messages", "_urgent")

    def __init__(
        self, limits: Limits, now_s: float, *, is_gateway: bool = False, burst_s: float = BURST_S
    ) -> None:
        factor = GATEWAY_FACTOR if is_gateway else 1.0
        rates = (limits.messages_per_s * factor, limits.bytes_per_s * factor, limits.urgent_per_s * factor)
        self._messages = Bucket(rates[0], rates[0] * burst_s, now_s)
        # One payload of the largest size fits in, whatever the rate.
        self._bytes = Bucket(rates[1], max(rates[1] * burst_s, 2.0 * limits.payload_bytes), now_s)
        self._urgent = Bucket(rates[2], rates[2] * URGENT_BURST_S, now_s)

    def take(self, size: int, now_s: float) -> None:
        """Note an ordinary message of `size` bytes."""
        self._messages.take(1, now_s)
        self._bytes.take(size, now_s)

    def take_urgent(self, now_s: float) -> None:
        """Note an alarm or an event."""
        self._urgent.take(1, now_s)

    def wait_s(self, now_s: float) -> float:
        """Return for how long no ordinary message may pass; 0: now."""
        return max(self._messages.wait_s(now_s), self._bytes.wait_s(now_s))

    def urgent_wait_s(self, now_s: float) -> float:
        """Return for how long no more alarms should be read; 0: now."""
        return self._urgent.wait_s(now_s)

    def is_untouched(self, now_s: float) -> bool:
        """Tell whether it is as good as new."""
        return all(one.is_full(now_s) for one in (self._messages, self._bytes, self._urgent))


class Budgets:
    """The budgets of those who sent something lately, by name."""

    def __init__(self, limits: Limits, burst_s: float = BURST_S) -> None:
        self.limits = limits
        self._burst_s = burst_s
        self._budgets: dict[str, Budget] = {}

    def of(self, name: str, now_s: float, *, is_gateway: bool = False) -> Budget:
        """Return what `name` has left."""
        budget = self._budgets.get(name)
        if budget is None:
            budget = self._budgets[name] = Budget(
                self.limits, now_s, is_gateway=is_gateway, burst_s=self._burst_s
            )
        return budget

    def forget(self, now_s: float) -> None:
        """Forget those who were quiet long enough."""
        self._budgets = {name: one for name, one in self._budgets.items() if not one.is_untouched(now_s)}


def is_urgent(topic: str) -> bool:
    """Tell whether an alarm or what answers one is published on `topic`."""
    return topic.rpartition("/")[2] in URGENT_CHANNELS
