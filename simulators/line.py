"""Line: the port to whatever carries what a device says, and brings what it is told."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from simulators.outbox import Letter


class Line(Protocol):
    """A way that is open."""

    async def say(self, letter: Letter) -> list[bytes]:
        """Carry `letter`; returns, when it was taken, the commands that came with the answer.

        Raises:
            LinkDown: it was not taken, or nobody can tell.
        """

    def listen(self) -> AsyncIterator[bytes]:
        """Return the commands that come by themselves, until the line breaks.

        Raises:
            LinkDown: it broke.
        """


class Link(Protocol):
    """A way that can be opened."""

    def open(self) -> AbstractAsyncContextManager[Line]:
        """Open the line; hang up in the end.

        Raises:
            LinkDown: it cannot be opened now, or broke.
        """

    def cut(self) -> None:
        """Break the line without a word."""
