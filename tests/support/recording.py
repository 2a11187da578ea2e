"""RecordingAdmission: an admission that keeps what it is given, and can be slow, shut or failing."""

import asyncio
from collections.abc import Sequence

from ingest.errors import LogUnavailable
from ingest.message import Message
from ingest.refused import Refused


class RecordingAdmission:
    """Keeps each message in `admitted` or `refused` once `open` lets it through.

    `failing`: so many next calls raise LogUnavailable. `begun`: the payloads that came in, in their order.
    """

    def __init__(self) -> None:
        self.admitted: list[tuple[str, bytes]] = []
        self.refused: list[tuple[str | None, str, bytes]] = []
        self.reasons: list[str] = []
        self.begun: list[bytes] = []
        self.inside = 0
        self.most_inside = 0
        self.failing = 0
        self.open = asyncio.Event()
        self.open.set()

    @property
    def told(self) -> list[tuple[tuple[str | None, str, bytes], str]]:
        """What was refused, each with its reason."""
        return list(zip(self.refused, self.reasons, strict=True))

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.admitted]

    async def admit_all(self, messages: Sequence[Message | Refused]) -> None:
        self.begun += [message.payload for message in messages]
        self.inside += len(messages)
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.open.wait()
            if self.failing:
                self.failing -= 1
                raise LogUnavailable("the disk is full")
        finally:
            self.inside -= len(messages)
        for message in messages:
            if isinstance(message, Refused):
                self.refused.append((message.device, message.topic, message.payload))
                self.reasons.append(message.reason)
            else:
                self.admitted.append((message.topic, message.payload))
