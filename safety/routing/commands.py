"""Commands down: tells devices what they are owed, in order per device, many devices at once."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import structlog
from sqlalchemy import Connection

from devices.clock import Clock
from devices.commands import Command
from devices.errors import DeviceError
from ingest.errors import IngestError
from safety.routing.metrics import RoutingMetrics
from safety.routing.recorder import Recorder
from safety.store.database import Database
from safety.store.outbox import (
    OwedCommand,
    next_command_ms,
    record_command_delayed,
    record_command_given_up,
    record_command_sent,
    renew_commands,
    take_due_commands,
)

# How many devices are told something at once.
MAX_DEVICES = 64
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 5.0
# A broker takes a message or loses its connection well before this; longer, and something hangs.
SEND_TIMEOUT_S = 10.0
# Failures that nobody foresaw before a command is given up: it must not keep back those behind it for ever.
MAX_BREAKS = 10
_log = structlog.get_logger(__name__)

Outcome = Literal["sent", "delayed", "given_up"]


class CommandSender(Protocol):
    """Tells a device something."""

    async def send(self, command: Command) -> None:
        """Hand `command` to the broker for its device.

        Raises:
            IngestError: not just now, e.g. there is no connection.
            DeviceError: never, e.g. its dialect cannot say it.
        """


class RecordingSender:
    """Keeps what it is given: the sender's fake. `failures` are raised first, one per send."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[Command] = []
        self.failures = list(failures)

    async def send(self, command: Command) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(command)


def retry_after_s(attempts: int) -> float:
    """Return how long to wait after `attempts` failures: 0.5, 1, 2, 4, 5, 5 … s."""
    return min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 16), LONGEST_RETRY_S)


class CommandDeliverer:
    """Tells each device what it is owed, each device in a task of its own.

    `changed` is called when an alert's timeline grew, `freed` when a device may be told more. With
    `lease_s`, several workers may share the store; alone, a restart finds all that is owed due.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sender: CommandSender,
        metrics: RoutingMetrics,
        *,
        changed: Callable[[], None],
        freed: Callable[[], None],
        lease_s: float | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sender = sender
        self._changed = changed
        self._freed = freed
        self._lease_s = lease_s
        self._recorder = Recorder(database, clock)
        self._metrics = metrics
        # By device, what is being told.
        self._in_flight: dict[str, list[str]] = {}
        metrics.gauge_in_flight("devices", lambda: len(self._in_flight))
        self._breaks: Counter[str] = Counter()

    async def start_due(self, tasks: asyncio.TaskGroup) -> int:
        """Start telling the devices whose turn it is; return how many."""
        if len(self._in_flight) >= MAX_DEVICES:
            return 0
        transaction = self._database.read if self._lease_s is None else self._database.write
        owed = await transaction(self._take)
        for device, items in owed.items():
            self._in_flight[device] = [item.command.id for item in items]
            tasks.create_task(self._tell(device, items), name=f"command-{device}")
        return len(owed)

    async def next_due_ms(self) -> int | None:
        """Return when the next device not being told something now is due, None if none is."""
        besides, now_ms = tuple(self._in_flight), self._clock.now_ms()
        return await self._database.read(lambda connection: next_command_ms(connection, now_ms, besides))

    def _take(self, connection: Connection) -> dict[str, list[OwedCommand]]:
        now_ms = self._clock.now_ms()
        return take_due_commands(
            connection,
            now_ms,
            limit=MAX_DEVICES - len(self._in_flight),
            besides=tuple(self._in_flight),
            lease_until_ms=None if self._lease_s is None else now_ms + round(self._lease_s * 1000),
        )

    async def renew(self) -> None:
        """Keep what is being told to this worker for another lease."""
        ids = [id for told in self._in_flight.values() for id in told]
        until_ms = self._clock.now_ms() + round((self._lease_s or 0.0) * 1000)
        if ids:
            await self._database.write(lambda connection: renew_commands(connection, ids, until_ms))

    async def _tell(self, device: str, items: list[OwedCommand]) -> None:
        try:
            for owed in items:
                outcome = await self._attempt(owed)
                self._metrics.commands.labels(outcome).inc()
                if outcome != "delayed":
                    del self._breaks[owed.command.id]
                if await self._recorder.write(partial(self._record, owed=owed, outcome=outcome)):
                    self._changed()
                if outcome == "delayed":
                    break  # what follows must not overtake it
        finally:
            del self._in_flight[device]
        self._freed()

    async def _attempt(self, owed: OwedCommand) -> Outcome:
        command = owed.command
        ids = {"command": command.id, "device": command.device, "kind": command.kind}
        if owed.expires_ms <= self._clock.now_ms():
            _log.warning("command expired", action="command_expired", attempts=owed.attempts, **ids)
            return "given_up"
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._sender.send(command)
        except DeviceError as error:
            _log.warning("command refused", action="command_refused", error=str(error), **ids)
            return "given_up"
        except (IngestError, TimeoutError) as error:
            _log.info("command delayed", action="command_delayed", error=type(error).__name__, **ids)
            return "delayed"
        except Exception:  # noqa: BLE001  # logged whole, tried again, given up by name in the end
            _log.exception("command broke", action="command_broken", **ids)
            self._breaks[command.id] += 1
            return "delayed" if self._breaks[command.id] < MAX_BREAKS else "given_up"
        return "sent"

    def _record(self, connection: Connection, owed: OwedCommand, outcome: Outcome) -> bool:
        """Store what became of an attempt; return whether a timeline grew."""
        now_ms = self._clock.now_ms()
        if outcome == "sent":
            return record_command_sent(connection, owed, now_ms)
        if outcome == "delayed":
            wait_ms = round(retry_after_s(owed.attempts + 1) * 1000)
            record_command_delayed(connection, owed, now_ms + wait_ms)
        else:
            record_command_given_up(connection, owed, now_ms)
        return False
