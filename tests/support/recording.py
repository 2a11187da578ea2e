"""RecordingAdmission: an admission that keeps what it is given, and can be slow, shut or failing."""

import asyncio

from ingest.errors import LogUnavailable
from ingest.refused import Refused


class RecordingAdmission:
    """Keeps each message in `admitted` or `refused` once `open` lets it through.

    `failing`: so many next calls raise LogUnavailable. `begun`: calls that came in, in their order.
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

    async def admit(self, topic: str, payload: bytes, by: str | None = None) -> None:
        await self._pass(payload)
        self.admitted.append((topic, payload))

    async def refuse(self, refused: Refused) -> None:
        await self._pass(refused.payload)
        self.refused.append((refused.device, refused.topic, refused.payload))
        self.reasons.append(refused.reason)

    async def _pass(self, payload: bytes) -> None:
        self.begun.append(payload)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.open.wait()
            if self.failing:
                self.failing -= 1
                raise LogUnavailable("the disk is full")
        finally:
            self.inside -= 1
