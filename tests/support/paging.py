"""A paging desk for tests: a store, a clock that is pushed, and everybody who may be told.

Scenarios read as GoAlert's do: raise, expect who was told, fast-forward, expect the next.
"""

import asyncio
from typing import Any

from sqlalchemy import Row, select

from devices.clock import ManualClock
from safety.domain.alert import Action
from safety.routing.channels import RecordingChannel
from safety.routing.commands import RecordingSender
from safety.routing.worker import RoutingWorker
from safety.rules.effects import RaiseAlert
from safety.store.alerts import act, raise_alert
from safety.store.database import Database
from safety.store.pace import quicken
from safety.store.tables import (
    alerts,
    commands,
    metadata,
    notifications,
    nurses,
    orgs,
    policies,
    responders,
    timeline,
)

ORG = "org_a"


class Desk:
    """An organisation `org_a` with one nurse, and a routing worker that is stepped by hand."""

    def __init__(self, url: str, **worker: Any) -> None:
        self.database = Database(url)
        metadata.create_all(self.database.engine)
        self.clock = ManualClock()
        self.channel = RecordingChannel()
        self.sender = RecordingSender()
        self.wakes = 0
        self.worker = self.new_worker(**worker)
        self._seen = 0
        self._raised = 0
        self.add(orgs, id=ORG, name="Pudong", created_ms=0)
        self.add(nurses, id="nur_1", org=ORG, name="王芳", created_ms=0)

    def new_worker(self, **options: Any) -> RoutingWorker:
        """Another worker on the same store, as after a restart."""
        channels = options.pop("channels", {"page": self.channel, "log": self.channel})
        return RoutingWorker(self.database, self.clock, self.sender, channels, self._wake, **options)

    def _wake(self) -> None:
        self.wakes += 1

    def add(self, table: Any, **values: Any) -> None:
        with self.database.writing() as connection:
            connection.execute(table.insert().values(values))

    def responder(self, name: str, *channels: str, org: str = ORG) -> str:
        """Somebody to tell, by default on `page:NAME`; their id is their name."""
        addresses = list(channels) or [f"page:{name}"]
        self.add(responders, id=name, org=org, name=name.title(), channels=addresses, created_ms=0)
        return name

    def policy(self, *tiers: tuple[float, list[str]], org: str = ORG) -> None:
        """The ladder of `org`, each tier as (after_s, responders)."""
        plain = [{"after_s": after_s, "responders": people} for after_s, people in tiers]
        self.add(policies, id=f"pol_{org}", org=org, name="ladder", tiers=plain, updated_ms=0)

    def two_tiers(self) -> None:
        """First ann is told, two minutes later ben and cid."""
        self.policy((0, [self.responder("ann")]), (120, [self.responder("ben"), self.responder("cid")]))

    def raises(self, **fields: Any) -> str:
        """Raise an alert; a panic of nurse and device 1 unless `fields` say otherwise."""
        self._raised += 1
        now_ms = self.clock.now_ms()
        given: dict[str, Any] = {
            "id": f"alert-{self._raised}",
            "kind": "panic",
            "severity": "critical",
            "org": ORG,
            "nurse": "nur_1",
            "device": "dev_1",
            "occurred_ms": now_ms,
            "received_ms": now_ms,
            "source_event": f"event-{self._raised}",
            "alarm": f"alarm-{self._raised}",
        }
        raised = RaiseAlert(**(given | fields))
        with self.database.writing() as connection:
            raise_alert(connection, raised, now_ms)
        with self.database.writing() as connection:
            quicken(connection, [raised.id], now_ms)
        return raised.id

    def acts(self, alert: str, action: Action, **detail: Any) -> None:
        """A dispatcher does something with the alert."""
        with self.database.writing() as connection:
            act(
                connection,
                alert,
                action,
                actor="anna",
                version=None,
                detail=detail,
                at_ms=self.clock.now_ms(),
            )

    async def settle(self) -> None:
        """Do all that is due now."""
        begun = 1
        while begun:
            async with asyncio.TaskGroup() as tasks:
                begun = await self.worker.escalate_due()
                begun += await self.worker.notices.start_due(tasks)
                begun += await self.worker.commands.start_due(tasks)

    async def forward(self, duration_s: float) -> None:
        """Let time pass, doing everything when it is due."""
        end_ms = self.clock.now_ms() + round(duration_s * 1000)
        await self.settle()
        while (due_ms := await self.next_due_ms()) is not None and due_ms <= end_ms:
            self.clock.advance_s((due_ms - self.clock.now_ms()) / 1000)
            await self.settle()
        self.clock.advance_s((end_ms - self.clock.now_ms()) / 1000)

    async def next_due_ms(self) -> int | None:
        parts = (self.worker.next_look_ms, self.worker.notices.next_due_ms, self.worker.commands.next_due_ms)
        known = [due_ms for part in parts if (due_ms := await part()) is not None]
        return min(known, default=None)

    def told(self) -> list[str]:
        """Who was told since the last time this was asked, sorted."""
        new = self.channel.sent[self._seen :]
        self._seen = len(self.channel.sent)
        return sorted(notice.responder for notice in new)

    def alert(self, alert: str) -> Row[Any]:
        with self.database.reading() as connection:
            return connection.execute(select(alerts).where(alerts.c.id == alert)).one()

    def entries(self, alert: str, *whats: str) -> list[Row[Any]]:
        """The alert's timeline, or of it only the entries that say one of `whats`."""
        wanted = select(timeline).where(timeline.c.alert == alert).order_by(timeline.c.seq)
        with self.database.reading() as connection:
            rows = connection.execute(wanted).all()
        return [row for row in rows if not whats or row.what in whats]

    def notifications(self, alert: str) -> list[Row[Any]]:
        wanted = select(notifications).where(notifications.c.alert == alert)
        with self.database.reading() as connection:
            return list(connection.execute(wanted.order_by(notifications.c.created_ms, notifications.c.id)))

    def commands(self) -> list[Row[Any]]:
        with self.database.reading() as connection:
            return list(connection.execute(select(commands).order_by(commands.c.created_ms, commands.c.id)))

    def close(self) -> None:
        self.database.close()
