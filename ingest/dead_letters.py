"""Dead letters: what could not be admitted, kept whole with the reason and the field.

What a broker refused has reasons of its own: `ingest.refused`.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

from devices.identity import derived_id
from ingest.records import DeadLetter
from ingest.refused import BrokerReason

Reason = Literal["unknown_device", "revoked_device", "foreign_device", "unknown_topic", "unreadable"]

MAX_COPIED_BYTES = 1 << 20


class Refusal(NamedTuple):
    """Why a message, or one `field` of it (a JSON path), was not admitted."""

    reason: Reason | BrokerReason
    explanation: str
    field: str | None = None


def letters(
    topic: str, device: str | None, at_ms: int, payload: bytes, refusals: Sequence[Refusal]
) -> list[DeadLetter]:
    """Return a dead letter for each of `refusals` of one message.

    Each holds the payload whole, until the copies come to `MAX_COPIED_BYTES`: a list with a thousand bad
    items would take a thousand times its size. The letters after that name the first one, which has it.
    """
    # What a broker or gateway lets through may still be no Unicode; the letter must be storable anyway.
    topic = topic.encode("utf-8", "backslashreplace").decode()
    digest = hashlib.sha256(payload).hexdigest()
    ids = [derived_id("dead_letter", topic, str(at_ms), str(n), digest) for n in range(len(refusals))]
    made = []
    for number, refusal in enumerate(refusals):
        is_whole = number == 0 or (number + 1) * len(payload) <= MAX_COPIED_BYTES
        made.append(
            DeadLetter(
                id=ids[number],
                at_ms=at_ms,
                topic=topic,
                device=device,
                reason=refusal.reason,
                explanation=refusal.explanation + ("" if is_whole else f"; its payload is in {ids[0]}"),
                field=refusal.field,
                payload=payload if is_whole else b"",
            )
        )
    return made
