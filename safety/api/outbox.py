"""Outbox: what one client of the live feed still has to be sent; bounded, alerts before positions."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import msgspec

MAX_FRAMES = 5_000
MAX_CHARACTERS = 16_000_000


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A frame, encoded once for everyone; `seq` is the timeline entry of an alert's, 0 of others."""

    text: str
    seq: int = 0
    urgent: bool = True


class Outbox:
    """A queue of two lanes: a panic never waits behind the positions of a thousand nurses.

    What is poured in comes between them: positions that changed meanwhile are sent after it, never before.
    """

    def __init__(self, max_frames: int = MAX_FRAMES, max_characters: int = MAX_CHARACTERS) -> None:
        self._urgent: deque[Frame] = deque()
        self._bulk: deque[Frame] = deque()
        self._max_frames = max_frames
        self._max_characters = max_characters
        self._characters = 0
        self._filled = asyncio.Event()
        self._page: Frame | None = None
        self._is_pouring = False
        self._taken = asyncio.Event()

    def put(self, frame: Frame) -> bool:
        """Queue `frame`; False if there is no room, which a client that still reads never lets happen."""
        characters = self._characters + len(frame.text)
        if len(self) >= self._max_frames or (self._characters and characters > self._max_characters):
            return False
        self._characters = characters
        (self._urgent if frame.urgent else self._bulk).append(frame)
        self._filled.set()
        return True

    async def get(self) -> Frame:
        """Wait for the next frame to send."""
        while True:
            if self._page is not None and not self._urgent:
                frame, self._page = self._page, None
                self._taken.set()
                return frame
            lane = self._urgent or (None if self._is_pouring else self._bulk)
            if lane:
                frame = lane.popleft()
                self._characters -= len(frame.text)
                return frame
            self._filled.clear()
            await self._filled.wait()

    async def pour(self, frames: AsyncIterator[Frame]) -> None:
        """Have all of `frames` taken, each asked for when the one before it was."""
        self._is_pouring = True
        try:
            async for frame in frames:
                self._page = frame
                self._taken.clear()
                self._filled.set()
                await self._taken.wait()
        finally:
            self._is_pouring = False
            self._filled.set()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._bulk)
