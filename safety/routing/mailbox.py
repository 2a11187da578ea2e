"""StoreMailbox: what devices that send over HTTP are told with the answers, out of the store's outbox."""

import asyncio
from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from devices.clock import Clock
from devices.commands import Command, CommandKind
from ingest.gateway.mailbox import ALL_KINDS, WAIT_S
from safety.store.database import Database
from safety.store.handouts import hand_out, heard_over_http, mark_seen, waiting_commands

LOOK_EVERY_S = 0.1
"""How often an answer that waits looks by itself: what another process stores wakes nobody here."""


class StoreMailbox:
    """An `ingest.gateway.mailbox.Mailbox`. `wake` it when something was stored."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: set[str] = set()
        self._waiting: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """Let the answers that wait look again. May be called from any thread."""
        loop = self._loop
        if self._waiting and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._look)

    async def hand_out(
        self,
        device: str,
        *,
        kinds: Collection[CommandKind] = ALL_KINDS,
        alarms: Collection[str | None] = (),
        request: str | None = None,
    ) -> list[Command]:
        await self._note_door(device)
        waiting = await self._wait_for(device, alarms) if alarms else await self._look_for(device)
        if not any(command.kind in kinds for command in waiting):
            return []
        return await self._database.write(
            lambda connection: hand_out(connection, device, kinds, request, self._clock.now_ms())
        )

    async def seen(self, device: str, ids: Sequence[str]) -> None:
        await self._note_door(device)
        await self._database.write(
            lambda connection: mark_seen(connection, device, set(ids), self._clock.now_ms())
        )

    async def _note_door(self, device: str) -> None:
        if device in self._known:
            return

        def note(connection: Connection) -> None:
            heard_over_http(connection, device, self._clock.now_ms())

        await self._database.write(note)
        self._known.add(device)

    async def _look_for(self, device: str) -> list[Command]:
        return await self._database.read(
            lambda connection: waiting_commands(connection, device, self._clock.now_ms())
        )

    async def _wait_for(self, device: str, alarms: Collection[str | None]) -> list[Command]:
        """Return what waits for `device` once all `alarms` were received, or what there is after a second."""
        self._loop = asyncio.get_running_loop()
        until_s = self._clock.monotonic_s() + WAIT_S
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            while True:
                # Cleared before looking: what is stored while we look makes us look again.
                woken.clear()
                waiting = await self._look_for(device)
                received = {command.alarm for command in waiting if command.kind == "alarm_received"}
                left_s = until_s - self._clock.monotonic_s()
                if received.issuperset(alarms) or left_s <= 0:
                    return waiting
                await self._pause(woken, min(left_s, LOOK_EVERY_S))
        finally:
            self._waiting.discard(woken)

    async def _pause(self, woken: asyncio.Event, longest_s: float) -> None:
        waits = {
            asyncio.ensure_future(self._clock.sleep_s(longest_s)),
            asyncio.ensure_future(woken.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _look(self) -> None:
        for woken in self._waiting:
            woken.set()
