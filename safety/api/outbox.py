"""Outbox: what one client of the live feed still has to be sent; bounded, alerts before positions."""

import asyncio
from collections import deque

import msgspec

MAX_FRAMES = 5_000
MAX_CHARACTERS = 16_000_000


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A frame, encoded once for everyone; `seq` is the timeline entry of an alert's, 0 of others."""

    text: str
    seq: int = 0
    urgent: bool = True


class Outbox:
    """A queue of two lanes: a panic never waits behind the positions of a thousand nurses."""

    def __init__(self, max_frames: int = MAX_FRAMES, max_characters: int = MAX_CHARACTERS) -> None:
        self._urgent: deque[Frame] = deque()
        self._bulk: deque[Frame] = deque()
        self._max_frames = max_frames
        self._max_characters = max_characters
        self._characters = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

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
        while not len(self):
            self._filled.clear()
            await self._filled.wait()
        frame = self._urgent.popleft() if self._urgent else self._bulk.popleft()
        self._characters -= len(frame.text)
        if not len(self):
            self._emptied.set()
        return frame

    async def emptied(self) -> None:
        """Wait until nothing is queued."""
        while len(self):
            self._emptied.clear()
            await self._emptied.wait()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._bulk)
