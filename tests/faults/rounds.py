"""Rounds: a house under load, one fault after the other; each is healed, and its history checked.

A round is: everybody talks; a fault; alarms meanwhile; healing; alarms again; quiet; the check.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from itertools import cycle
from random import Random
from typing import NamedTuple

import httpx
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.log.partitioning import partition_of
from tests.faults.book import Book, book
from tests.faults.desk import Dispatcher, Page, log_in
from tests.faults.history import Seen, violations
from tests.faults.house import PARTITIONS, House
from tests.faults.nemesis import Fault, heal, strike
from tests.faults.waits import Wait
from tests.support.faults_crowd import Crowd
from tests.support.faults_fleet import Login
from tests.support.waiting import NotInTime, eventually

_log = logging.getLogger(__name__)
OTHERS = 16
_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.5
# Longer than a dead part goes unnoticed: 3 s of ingest's turn, 6 s of a group's session and of a lease.
_STANDSTILL_S = (8.0, 10.0)
_OUTAGE_S = (1.0, 5.0)
_STEADY_S = (0.3, 1.0)
_PATIENCE_S = 3.0
_BROKER_FORGETS = frozenset({"mosquitto kill", "mosquitto full"})


class Rounds:
    """Plays in `house`; `found` is what did not hold, `waits` how long people waited.

    What has not come right within `patience_s` never does.
    """

    def __init__(self, house: House, clock: Clock, seed: int, *, patience_s: float = _WITHIN_S) -> None:
        self.house = house
        self._patience_s = patience_s
        self.seed = seed
        self.found: list[str] = []
        self.waits: list[Wait] = []
        self.done: list[Fault] = []
        self.forgotten = 0
        """What was no alarm, and Mosquitto acknowledged and forgot as it was killed."""
        self._clock = clock
        self._rng = Random(f"house {seed}")
        first, second, others = _teams(house)
        self._crowd = Crowd(
            [*first, *second, *others],
            lambda: house.broker.port,
            clock,
            seed,
            rate_per_s=20.0,
            presses_per_s=1.0,
            check_in_every=5,
            host=house.broker.place.host,
            patience_s=_PATIENCE_S,
        )
        devices = self._crowd.devices
        self._teams = cycle((devices[:PARTITIONS], devices[PARTITIONS : 2 * PARTITIONS]))
        self._crowd.pressers = devices[2 * PARTITIONS :]
        self._called = {login.nurse for login in (*first, *second)}

    async def run(self, faults: Iterable[Fault]) -> None:
        """Play a round with each of `faults`."""
        token = await log_in(self.house.consoles[0])
        pages = [
            Page(lambda: self.house.consoles, home, token, self._clock)
            for home in range(len(self.house.consoles))
        ]
        dispatcher = Dispatcher(lambda: self.house.consoles, token, self._clock, self._rng, self._called)
        async with book(self.house, self._clock) as kept:
            players = [self._crowd.run(), dispatcher.run(), *(page.run() for page in pages)]
            async with _playing(players):
                self._stage = _Stage(pages, dispatcher, kept)
                await self._probe()
                await self._quiet(None)
                for fault in faults:
                    await self._round(fault)
            self.found += dispatcher.refusals

    def report(self) -> str:
        """Return what was done, in one paragraph."""
        diary, stage = self._crowd.diary, self._stage
        forgot = (
            f", {self.forgotten} of them forgotten by Mosquitto as it was killed" if self.forgotten else ""
        )
        return (
            f"seed {self.seed}: {len(self.done)} rounds, {diary.published} publishes,"
            f" {len(diary.confirmed)} acknowledged{forgot}, {len(diary.pressed)} alarms pressed and"
            f" {len({receipt.press for receipt in diary.receipts})} received,"
            f" {len(stage.dispatcher.deeds)} deeds, {len(self.house.far_end.calls)} notices;"
            f" {stage.book.entries} log entries replayed, {stage.book.states} checkpoints proven;"
            f" {len(self.found)} violations"
        )

    # ------------------------------------------------------------------ a round

    async def _round(self, fault: Fault) -> None:
        self.done.append(fault)
        number = len(self.done)
        before = len(self.found)
        self._crowd.talk()
        await self._clock.sleep_s(self._rng.uniform(*_STEADY_S))
        struck_s = self._clock.monotonic_s()
        await strike(self.house, fault)
        waits = (
            [Wait(fault.kind, True, await self._probe(fault))] if self.house.has_another(fault.who) else []
        )
        lasts_s = self._rng.uniform(*(_OUTAGE_S if fault.how == "kill" else _STANDSTILL_S))
        await self._clock.sleep_s(max(0.0, struck_s + lasts_s - self._clock.monotonic_s()))
        await heal(self.house, fault)
        waits.append(Wait(fault.kind, False, await self._probe(fault)))
        await self._quiet(fault)
        self.found[before:] = [
            f"round {number}, {fault.who} {fault.how}: {one}" for one in self.found[before:]
        ]
        self.waits += waits
        took_s = self._clock.monotonic_s() - struck_s
        waited = ", ".join(f"{wait.took_s:.1f} s" for wait in waits)
        _log.info("round %d, %s %s: %s; %.0f s in all", number, fault.who, fault.how, waited, took_s)
        for one in self.found[before:]:
            _log.error("%s", one)

    async def _probe(self, fault: Fault | None = None) -> float:
        """Have somebody of each partition call for help; return how long until a page had shown all of it.

        Where a route was hit, until responders were told of all of it as well.
        """
        since_s, team = self._clock.monotonic_s(), next(self._teams)
        known = {device.nurse: self._shown(device.nurse) for device in team}
        for device in team:
            device.press()
        is_route = fault is not None and fault.who.startswith("route")

        def all_shown() -> bool:
            new = [self._shown(nurse) - before for nurse, before in known.items()]
            return all(new) and (not is_route or set().union(*new) <= self._told())

        try:
            await eventually(all_shown, self._patience_s, "alarms of every partition are on a page")
        except NotInTime as late:
            self.found.append(str(late))
        return self._clock.monotonic_s() - since_s

    def _told(self) -> set[str]:
        return {call.body["id"] for call in list(self.house.far_end.calls)}

    def _shown(self, nurse: str) -> set[str]:
        return set().union(*(page.alerts_of.get(nurse, ()) for page in self._stage.pages))

    async def _quiet(self, fault: Fault | None) -> None:
        """Let all end that is under way, and check."""
        self._crowd.be_quiet()
        try:
            await eventually(lambda: self._crowd.idle, self._patience_s, "all is confirmed and received")
        except NotInTime as late:
            self.found.append(str(late))
        deadline_s = self._clock.monotonic_s() + self._patience_s
        while wrong := await self._wrong(fault):
            if self._clock.monotonic_s() > deadline_s:
                break
            await self._clock.sleep_s(_LOOK_EVERY_S)
        self.found += wrong

    async def _wrong(self, fault: Fault | None) -> list[str]:
        """Return what does not hold, or cannot be looked at yet."""
        try:
            await self._close_calls()
            return await self._check(fault)
        except (OperationalError, LogUnavailable, httpx.HTTPError) as error:
            return [f"cannot be looked at: {error!r}"]

    async def _close_calls(self) -> None:
        """Close the alerts of the teams, so that they raise new ones when they call again."""
        dispatcher = self._stage.dispatcher
        for alert in await dispatcher.alerts("open"):
            if alert["nurse"] in self._called:
                await dispatcher.act(alert, "resolve")

    async def _check(self, fault: Fault | None) -> list[str]:
        told, stage = self._crowd.diary, self._stage
        notices = {call.headers["idempotency-key"] for call in list(self.house.far_end.calls)}
        seen = Seen(list(stage.dispatcher.deeds), notices)
        kept, stored = await stage.book.read()
        if fault is not None and fault.kind in _BROKER_FORGETS:
            logged = kept.logged["telemetry"]
            gone = {one for one in told.confirmed if one.kind != "alarm" and one not in logged}
            self.forgotten += len(gone)
            told.confirmed -= gone
        return violations(told, kept, seen, stored)


class _Stage(NamedTuple):
    pages: list[Page]
    dispatcher: Dispatcher
    book: Book


def _teams(house: House) -> tuple[list[Login], list[Login], list[Login]]:
    """Return two teams with a nurse of every partition in each, and some others."""
    by_partition: list[list[Login]] = [[] for _ in range(PARTITIONS)]
    for login in house.logins:
        by_partition[partition_of(login.nurse, PARTITIONS)].append(login)
    others = [login for logins in by_partition for login in logins[2:]]
    return [logins[0] for logins in by_partition], [logins[1] for logins in by_partition], others[:OTHERS]


@asynccontextmanager
async def _playing(players: Iterable[Coroutine[None, None, None]]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(player) for player in players]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled():
            task.result()
