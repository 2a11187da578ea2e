"""Assignments: which partitions this process works on, as the group it belongs to decides (ADR 0007)."""

import asyncio
from typing import Protocol


class Owner(Protocol):
    """Who works on the partitions. Its methods are awaited one after the other, never two at once.

    A number stands for that partition of every lane: whoever owns it owns all of a nurse.
    """

    async def before_change(self) -> None:
        """The partitions are about to be dealt anew: write down how far each is, and go on working."""

    async def own(self, partitions: frozenset[int]) -> None:
        """Work on exactly these from now on: begin what is new, end what is not among them."""


class Assignments(Protocol):
    """Tells an owner what it owns. Others may believe the same for a while: the store decides (epochs)."""

    async def run(self, owner: Owner) -> None:
        """Take part until cancelled; then the owner owns nothing any more, and after that others may.

        Raises:
            LogError: this process cannot take part, and trying again would not help.
        """


class AllPartitions:
    """One process owns everything: the embedded log, which only one process may write, has no groups."""

    def __init__(self, partitions: int) -> None:
        self._partitions = frozenset(range(partitions))

    async def run(self, owner: Owner) -> None:
        """Own all partitions until cancelled."""
        await owner.own(self._partitions)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await owner.own(frozenset())
