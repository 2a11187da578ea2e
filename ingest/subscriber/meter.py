"""Meter: keeps the devices of an outside broker to their limits, as the embedded broker does by itself.

What exceeds them has been acknowledged by then; it is not admitted, and its gap shows in `seq`. So only what
no outage explains exceeds them. An alarm is always admitted, of what may be one and is too large the head.
"""

from typing import NamedTuple

from devices import topics
from devices.clock import Clock
from ingest.limits import Budgets, Limits, is_urgent
from ingest.refused import HEAD_BYTES, Refused

_FORGET_EVERY_S = 60.0


class Measured(NamedTuple):
    """What of a message is admitted, if anything, and what is kept as refused, if anything."""

    payload: bytes | None
    refused: Refused | None = None


class Meter:
    """Measures what each device sends; `dropped` messages of floods were neither admitted nor kept."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._budgets = Budgets(limits, limits.backlog_s)
        self._clock = clock
        self._forgot_s = clock.monotonic_s()
        self._flooding: dict[str, float] = {}
        self.dropped = 0

    def measure(self, topic: str, payload: bytes) -> Measured:
        """Tell what becomes of a message. Only native topics say what is an alarm: others all pass."""
        said = topics.parse(topic)
        device = None if said is None else said.device
        if len(payload) > self._limits.payload_bytes:
            most, head = self._limits.payload_bytes, payload[:HEAD_BYTES]
            explanation = f"{len(payload)} bytes: at most {most} are taken; this is their beginning"
            refused = Refused(
                reason="too_large", device=device, topic=topic, explanation=explanation, payload=head
            )
            return Measured(head if device is None or is_urgent(topic) else None, refused)
        if device is None or is_urgent(topic):
            return Measured(payload)
        now_s = self._clock.monotonic_s()
        self._forget(now_s)
        budget = self._budgets.of(device, now_s)
        if not budget.wait_s(now_s):
            budget.take(len(payload), now_s)
            return Measured(payload)
        return Measured(None, self._flooded(device, topic, payload, now_s))

    def _flooded(self, device: str, topic: str, payload: bytes, now_s: float) -> Refused | None:
        """Count one of a flood; of those within a minute the first is kept."""
        self.dropped += 1
        if device in self._flooding:
            return None
        self._flooding[device] = now_s
        explanation = "more than the device may send: not taken in until it is less"
        head = payload[:HEAD_BYTES]
        return Refused(reason="flood", device=device, topic=topic, explanation=explanation, payload=head)

    def _forget(self, now_s: float) -> None:
        if now_s - self._forgot_s < _FORGET_EVERY_S:
            return
        self._forgot_s = now_s
        self._budgets.forget(now_s)
        self._flooding = {
            device: since_s for device, since_s in self._flooding.items() if now_s - since_s < _FORGET_EVERY_S
        }
