"""Refused: what a broker did not let a device do, on its way to the dead letters."""

from typing import Literal

import msgspec

BrokerReason = Literal[
    "foreign_topic", "foreign_subscription", "too_large", "flood", "login_refused", "login_throttled"
]
REASONS: tuple[BrokerReason, ...] = (
    "foreign_topic",
    "foreign_subscription",
    "too_large",
    "flood",
    "login_refused",
    "login_throttled",
)
HEAD_BYTES = 4096
"""How much is kept of a payload that is itself the trouble."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """`device` (its login's name) was refused `topic`, or a login where that is empty; `payload` is kept.

    It stands for `count` refusals of the same kind.
    """

    reason: BrokerReason
    device: str | None
    topic: str
    explanation: str
    payload: bytes = b""
    count: int = 1


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Refused).decode
