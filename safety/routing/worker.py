"""The routing worker: three loops that do what the store says is due, and wait for more.

escalate climbs the ladder, notify tells people, command tells devices. Nothing is kept in memory that is
not a row of the store: killed anywhere, a worker forgets nothing that is owed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from safety.routing.channels import Channel
from safety.routing.commands import CommandDeliverer, CommandSender
from safety.routing.deliverer import Deliverer
from safety.routing.ladder import decide
from safety.routing.metrics import RoutingMetrics
from safety.store.database import Database
from safety.store.escalation import apply_decision, next_look_ms, take_due_alerts

# Work that another process owes (the command line, another worker) is found within this.
LONGEST_WAIT_S = 1.0
MAX_ALERTS = 100
_log = structlog.get_logger(__name__)


class _Loop(NamedTuple):
    """What one loop does: `step` begins what is due and returns how much, `next_ms` is when more will be."""

    name: str
    woken: asyncio.Event
    step: Callable[[], Awaitable[int]]
    next_ms: Callable[[], Awaitable[int | None]]


class RoutingWorker:
    """Routes what is in `database`: alerts to people through `channels`, commands to devices by `sender`.

    `hub_wake` is called when an alert's timeline grew, so that open pages show it. `link_base` is the
    console's URL, for the links in notices. `lease_s` None: this is the only worker on the store; several
    need a lease: for so long what one has taken waits for it after its death. It renews what takes longer.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sender: CommandSender,
        channels: Mapping[str, Channel],
        hub_wake: Callable[[], None],
        *,
        link_base: str | None = None,
        lease_s: float | None = None,
        metrics: RoutingMetrics | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._channels = channels
        self._hub_wake = hub_wake
        self._lease_s = lease_s
        self._metrics = metrics or RoutingMetrics(CollectorRegistry())
        # Before it runs nobody waits to be woken: it looks at everything first.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._escalate_woken = asyncio.Event()
        self._notify_woken = asyncio.Event()
        self._command_woken = asyncio.Event()
        self.notices = Deliverer(
            database,
            clock,
            channels,
            self._metrics,
            changed=hub_wake,
            hurried=self._escalate_woken.set,
            freed=self._notify_woken.set,
            link_base=link_base,
            lease_s=lease_s,
        )
        self.commands = CommandDeliverer(
            database,
            clock,
            sender,
            self._metrics,
            changed=hub_wake,
            freed=self._command_woken.set,
            lease_s=lease_s,
        )

    def wake(self) -> None:
        """Look for due work now: after a commit that owes something. May be called from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._escalate_woken.set()
        self._notify_woken.set()
        self._command_woken.set()

    async def run(self) -> None:
        """Route until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as tasks:
                notices, commands = self.notices, self.commands
                for loop in (
                    _Loop("escalate", self._escalate_woken, self.escalate_due, self.next_look_ms),
                    _Loop(
                        "notify", self._notify_woken, lambda: notices.start_due(tasks), notices.next_due_ms
                    ),
                    _Loop(
                        "command",
                        self._command_woken,
                        lambda: commands.start_due(tasks),
                        commands.next_due_ms,
                    ),
                ):
                    tasks.create_task(self._run(loop), name=f"routing-{loop.name}")
                if self._lease_s is not None:
                    tasks.create_task(self._renew(self._lease_s), name="routing-renew")
        finally:
            self._loop = None
            for channel in {id(channel): channel for channel in self._channels.values()}.values():
                await channel.aclose()

    async def escalate_due(self) -> int:
        """Decide on the alerts that are due; return how many there were."""
        due_ms = await self.next_look_ms()
        if due_ms is None or due_ms > self._clock.now_ms():
            return 0
        decided = await self._database.write(self._escalate)
        if decided:
            self._notify_woken.set()
            self._hub_wake()
        return decided

    async def next_look_ms(self) -> int | None:
        """Return when the next alert is due, None if none is."""
        return await self._database.read(next_look_ms)

    def _escalate(self, connection: Connection) -> int:
        now_ms = self._clock.now_ms()
        taken = take_due_alerts(connection, now_ms, MAX_ALERTS)
        for due in taken:
            decision = decide(due.facts, due.policy, due.roster, now_ms)
            apply_decision(connection, due, decision, now_ms)
            self._metrics.decisions.labels(decision.reason).inc()
            _log.info(
                "ladder decided",
                action="escalate",
                alert=due.id,
                reason=decision.reason,
                tier=decision.tier,
                told=len(decision.targets),
            )
        return len(taken)

    async def _renew(self, lease_s: float) -> None:
        """Keep what is under way from other workers, for as long as this one lives."""
        while True:
            await self._clock.sleep_s(lease_s / 3)
            try:
                await self.notices.renew()
                await self.commands.renew()
            except OperationalError as error:
                _log.warning("leases not renewed", action="routing_retry", error=str(error.orig))

    async def _run(self, loop: _Loop) -> None:
        """Do what is due; then wait until woken, or the next of it is due."""
        while True:
            # Cleared before looking: what comes up while we look makes us look again.
            loop.woken.clear()
            try:
                while await loop.step():
                    pass
                due_ms = await loop.next_ms()
            except OperationalError as error:
                reason = str(error.orig)
                _log.warning("store unavailable", action="routing_retry", loop=loop.name, error=reason)
                due_ms = None
            await self._wait(loop.woken, due_ms)

    async def _wait(self, woken: asyncio.Event, due_ms: int | None) -> None:
        wait_s = LONGEST_WAIT_S
        now_ms = self._clock.now_ms()
        # What is due already and was not begun waits for a place: it is woken when there is one.
        if due_ms is not None and due_ms > now_ms:
            wait_s = min(wait_s, (due_ms - now_ms) / 1000)
        waits = {
            asyncio.ensure_future(self._clock.sleep_s(wait_s)),
            asyncio.ensure_future(woken.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
