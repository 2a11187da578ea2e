"""Intake: what becomes of a device's publishes: passed on, put aside for a moment, or refused."""

import asyncio
from collections import deque
from collections.abc import Callable

from devices.clock import Clock
from devices.topics import PREFIX
from ingest.broker.guard import Login
from ingest.broker.hub import Hub
from ingest.broker.packets import Publish, Will
from ingest.limits import Bucket, Budget, Budgets, is_urgent
from ingest.refused import HEAD_BYTES, BrokerReason, Refused

ASIDE_MESSAGES = 128
ASIDE_BYTES = 512 * 1024
"""What may wait for its turn: half of what a device may have unsettled, so that an alarm is still read."""
PATIENCE_S = 5.0
"""How long a flood is read, for the alarm that may be in it, before its connection is ended."""
SCANNED_BYTES_PER_S = 4 * 1024 * 1024.0
_SHORTEST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0

Settled = Callable[[], None]


class Intake:
    """Keeps one connection to the limits of its device.

    Alarms and events pass at once, on a budget of their own; when that is used up, no more is read for a
    while. Of everything else what exceeds the budget is put aside and passes in its turn, not acknowledged
    before; what exceeds that, too, is dropped and not acknowledged, so that the device keeps it. A flood
    that does not end ends the connection (`flooding_since_s`). In other dialects an alarm looks like
    everything else: there nothing is dropped, and only reading waits.

    `owe` notes a publish as unsettled and returns what settles it; `hold` stops reading, `release` goes on.
    """

    def __init__(
        self,
        hub: Hub,
        login: Login,
        budgets: Budgets,
        clock: Clock,
        *,
        owe: Callable[[Publish], Settled],
        hold: Callable[[str], None],
        release: Callable[[str], None],
    ) -> None:
        self._hub = hub
        self._login = login
        self._budgets = budgets
        self._limits = budgets.limits
        self._clock = clock
        self._owe = owe
        self._hold = hold
        self._release = release
        self._aside: deque[tuple[Publish, Settled]] = deque()
        self._aside_bytes = 0
        self._scanned = Bucket(SCANNED_BYTES_PER_S, 2 * SCANNED_BYTES_PER_S, clock.monotonic_s())
        self._awaited: set[Callable[[float], float]] = set()
        self._pacing: asyncio.Task[None] | None = None
        self.flooding_since_s: float | None = None

    @property
    def _budget(self) -> Budget:
        # Asked for anew each time: all connections of a device share the one that is in use.
        return self._budgets.of(
            self._login.name, self._clock.monotonic_s(), is_gateway=self._login.is_gateway
        )

    def take(self, publish: Publish, cut: int = 0) -> None:
        """Take a publish, of which `cut` bytes were thrown away because it was too large."""
        now_s = self._clock.monotonic_s()
        size = len(publish.payload) + cut
        if size > self._limits.payload_bytes:
            self._behead(publish, size, now_s)
        elif is_urgent(publish.topic):
            self._budget.take_urgent(now_s)
            self._pass(publish, self._owe(publish))
            self._await(self._urgent_wait_s, now_s)
        elif not self._aside and not self._budget.wait_s(now_s):
            self._budget.take(size, now_s)
            self._pass(publish, self._owe(publish))
        elif _in_another_dialect(publish.topic):
            self._budget.take(size, now_s)
            self._pass(publish, self._owe(publish))
            self._await(self._wait_s, now_s)
        elif len(self._aside) < ASIDE_MESSAGES and self._aside_bytes + size <= ASIDE_BYTES:
            self._aside.append((publish, self._owe(publish)))
            self._aside_bytes += size
            self._pace()
        else:
            self._drop(publish, size, now_s)

    def takes_will(self, will: Will) -> bool:
        """Tell whether the device may leave `will` behind; one that it may not is kept as a dead letter."""
        if self._login.may_publish(will.topic) and len(will.payload) <= self._limits.payload_bytes:
            return True
        self._refuse_topic(will.topic, will.payload, None)
        return False

    def may_hear(self, topic_filter: str) -> bool:
        """Tell whether the device may subscribe to `topic_filter`; more is kept as a dead letter."""
        if self._login.may_subscribe(topic_filter):
            return True
        now_s = self._clock.monotonic_s()
        if self._budget.wait_s(now_s):
            self._hub.count("foreign_subscription")
            return False
        self._budget.take(len(topic_filter), now_s)
        explanation = f"device {self._login.name} may not subscribe to this"
        self._hub.refuse(self._refused("foreign_subscription", topic_filter, explanation))
        return False

    def end(self) -> None:
        """Forget what waits: it was not acknowledged, so the device has it still."""
        if self._pacing is not None:
            self._pacing.cancel()
            self._pacing = None
        self._aside.clear()
        self._awaited.clear()

    def _pass(self, publish: Publish, settled: Settled) -> None:
        if self._login.may_publish(publish.topic):
            self._hub.from_device(publish.topic, publish.payload, settled)
        elif self._login.brings(publish.topic):
            self._hub.brought(self._login.name, publish.topic, publish.payload, settled)
        else:
            self._refuse_topic(publish.topic, publish.payload, settled)
        if self._hub.congested:
            self._hold("congestion")
            self._hub.when_relieved(lambda: self._release("congestion"))

    def _behead(self, publish: Publish, size: int, now_s: float) -> None:
        """Refuse what is too large; of what may be an alarm the head is taken all the same."""
        self._budget.take(size, now_s)
        head = publish._replace(payload=publish.payload[:HEAD_BYTES])
        explanation = f"{size} bytes: at most {self._limits.payload_bytes} are taken; this is their beginning"
        refused = self._refused("too_large", publish.topic, explanation, head.payload)
        settled = self._owe(publish)
        may = self._login.may_publish(publish.topic) or self._login.brings(publish.topic)
        if may and (is_urgent(publish.topic) or _in_another_dialect(publish.topic)):
            self._hub.refuse(refused)
            self._pass(head, settled)
        else:
            self._hub.refuse(refused, settled)
        self._await(self._wait_s, now_s)

    def _drop(self, publish: Publish, size: int, now_s: float) -> None:
        if self.flooding_since_s is None:
            self.flooding_since_s = now_s
            explanation = "more than the device may send: not acknowledged, and not taken in until it is less"
            head = publish.payload[:HEAD_BYTES]
            self._hub.refuse(self._refused("flood", publish.topic, explanation, head))
        else:
            self._hub.count("flood")
        self._scanned.take(size, now_s)
        self._await(self._scanned.wait_s, now_s)

    def _refuse_topic(self, topic: str, payload: bytes, settled: Settled | None) -> None:
        explanation = f"device {self._login.name} may not publish here"
        self._hub.refuse(self._refused("foreign_topic", topic, explanation, payload), settled)

    def _wait_s(self, now_s: float) -> float:
        return self._budget.wait_s(now_s)

    def _urgent_wait_s(self, now_s: float) -> float:
        return self._budget.urgent_wait_s(now_s)

    def _await(self, wait_s: Callable[[float], float], now_s: float) -> None:
        """Read nothing until `wait_s` is 0."""
        if wait_s(now_s):
            self._awaited.add(wait_s)
            self._hold("pace")
            self._pace()

    def _pace(self) -> None:
        if self._pacing is None:
            self._pacing = asyncio.get_running_loop().create_task(self._keep_pace(), name="broker pace")

    async def _keep_pace(self) -> None:
        while self._aside or self._awaited:
            now_s = self._clock.monotonic_s()
            waits = [one(now_s) for one in self._awaited]
            if self._aside:
                waits.append(self._budget.wait_s(now_s))
            pause_s = max(_SHORTEST_PAUSE_S, min([wait for wait in waits if wait], default=0.0))
            await self._clock.sleep_s(min(pause_s, _LONGEST_PAUSE_S))
            self._resume(self._clock.monotonic_s())
        self._pacing = None

    def _resume(self, now_s: float) -> None:
        while self._aside and not self._budget.wait_s(now_s):
            publish, settled = self._aside.popleft()
            self._aside_bytes -= len(publish.payload)
            self._budget.take(len(publish.payload), now_s)
            self._pass(publish, settled)
        if not self._aside:
            self.flooding_since_s = None
        if self._awaited:
            self._awaited = {one for one in self._awaited if one(now_s)}
            if not self._awaited:
                self._release("pace")

    def _refused(self, reason: BrokerReason, topic: str, explanation: str, payload: bytes = b"") -> Refused:
        return Refused(
            reason=reason, device=self._login.name, topic=topic, explanation=explanation, payload=payload
        )


def _in_another_dialect(topic: str) -> bool:
    return not topic.startswith(f"{PREFIX}/")
