"""Mailbox: the port to what a device is owed, for devices that can be told things only when they ask."""

from collections.abc import Collection, Sequence
from typing import Protocol, get_args

from devices.commands import Command, CommandKind

ALL_KINDS: tuple[CommandKind, ...] = get_args(CommandKind)
WAIT_S = 1.0
"""How long the answer to an alarm waits for its `alarm_received`."""


class Mailbox(Protocol):
    """Keeps commands for devices that send over HTTP; an answer may be lost, a command not."""

    async def hand_out(
        self,
        device: str,
        *,
        kinds: Collection[CommandKind] = ALL_KINDS,
        alarms: Collection[str | None] = (),
        request: str | None = None,
    ) -> list[Command]:
        """Return what `device` is to be told, oldest first, and remember that it was handed out.

        Only `kinds` are: those that the device's dialect has words for. A command is handed out with every
        answer until `seen` names it or it expires. `alarms` are the alarms just admitted, as the device
        calls them (None: it gave no name): the answer waits up to a second for their `alarm_received`.
        `request` identifies what is being answered, for senders that cannot say what they have seen but
        repeat a request whose answer they missed: what was handed out in answer to another request counts
        as seen.
        """

    async def seen(self, device: str, ids: Sequence[str]) -> None:
        """Hand out no more what `device` says it has: commands by id; unknown ones are ignored."""


class MemoryMailbox:
    """The mailbox's fake: a list per device."""

    def __init__(self) -> None:
        self._owed: dict[str, list[Command]] = {}
        self._answered: dict[str, str] = {}

    def owe(self, command: Command) -> None:
        """Have `command` handed out."""
        self._owed.setdefault(command.device, []).append(command)

    async def hand_out(
        self,
        device: str,
        *,
        kinds: Collection[CommandKind] = ALL_KINDS,
        alarms: Collection[str | None] = (),
        request: str | None = None,
    ) -> list[Command]:
        owed = self._owed.setdefault(device, [])
        for command in [command for command in owed if command.kind in kinds]:
            if request is not None and self._answered.get(command.id, request) != request:
                owed.remove(command)
            elif request is not None:
                self._answered[command.id] = request
        return [command for command in owed if command.kind in kinds]

    async def seen(self, device: str, ids: Sequence[str]) -> None:
        self._owed[device] = [owed for owed in self._owed.get(device, []) if owed.id not in ids]
