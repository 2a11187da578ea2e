"""Rounds: a service that is killed and started again under load, and what came of it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Literal

import httpx

from devices.clock import Clock
from tests.faults.checker import Fault, faults
from tests.faults.disk import Disk
from tests.support.faults_crowd import Crowd, Wait
from tests.support.faults_fleet import Login, dispatcher
from tests.support.faults_found import read_kept
from tests.support.faults_processes import children, runs
from tests.support.service import Service
from tests.support.waiting import NotInTime, eventually

Moment = Literal["steady", "after_press", "starting", "parent_alone", "broker_alone", "disk_full"]
WHOLE: tuple[Moment, ...] = ("after_press", "starting", "steady")
"""When the whole process tree is killed."""
PARTS: tuple[Moment, ...] = ("broker_alone", "parent_alone")
"""When one process of it is, as by the kernel when memory runs out."""

FULL: tuple[Moment, ...] = ("disk_full",)
"""When nothing is killed, but there is no room for a while."""

_ANSWERED_WITHIN_S = 60.0
_DRAINED_WITHIN_S = 60.0
_CAUGHT_UP_WITHIN_S = 60.0
_RESOLVE_EVERY_S = 0.5
# After a press: before its event is logged, between event and alert, between alert and `alarm_received`.
_AFTER_PRESS_S = 0.08
_STEADY_S = (0.2, 1.5)
_FULL_S = (3.0, 6.0)


class Rounds:
    """Kills `service` and starts it again, while a crowd talks to it and a dispatcher closes alerts.

    With a `disk` of its own, that can be full as well.
    """

    def __init__(
        self, service: Service, logins: list[Login], clock: Clock, seed: int, disk: Disk | None = None
    ) -> None:
        self.service = service
        self._disk = disk
        self.seed = seed
        self.crowd = Crowd(logins, lambda: service.mqtt_port, clock, seed)
        self.ready_after_s: list[float] = []
        self._outages: list[Wait] = []
        self.kills = 0
        self.closed_alerts = 0
        self.refusals: list[str] = []
        self._down_since_s: float | None = None
        self._clock = clock
        self._rng = Random(f"rounds {seed}")

    async def run(self, rounds: int, moments: Sequence[Moment] = WHOLE) -> list[Fault]:
        """Kill `rounds` times, at `moments` in turn; let all end that is under way; return the faults."""
        await self._start()
        async with dispatcher(self.service.base_url) as http, self._playing(http):
            await self._all_talk()
            for number in range(rounds):
                await self._round(moments[number % len(moments)])
            self.crowd.be_quiet()
            await self._drained()
            await self._caught_up()
        assert await asyncio.to_thread(self.service.stop) == 0, self.service.errors()[-2000:]
        assert "Traceback" not in self.service.errors(), self.service.errors()[-4000:]
        return faults(self.crowd.diary, await read_kept(self.service.data_dir))

    async def _round(self, moment: Moment) -> None:
        """Kill once at such a moment, and wait until all devices talk again."""
        if moment == "after_press":
            self.crowd.press()
            await self._clock.sleep_s(self._rng.uniform(0.0, _AFTER_PRESS_S))
        else:
            await self._clock.sleep_s(self._rng.uniform(*_STEADY_S))
        if moment == "broker_alone":
            self._kill_broker()
        elif moment == "disk_full":
            await self._fill()
        else:
            await (self._kill_parent() if moment == "parent_alone" else self._kill())
            if moment == "starting":
                await self._kill_while_starting()
            await self._start()
        await self._all_talk()

    def _kill_broker(self) -> None:
        """Kill the embedded broker; the service is to start it again by itself."""
        self.kills += 1
        now_s = self._clock.monotonic_s()
        self._outages.append(Wait(now_s, now_s))
        for child in children(self.service.pid):
            os.kill(child, signal.SIGKILL)

    async def _fill(self) -> None:
        """Leave no room for a while; calls for help come all the same."""
        assert self._disk is not None
        self._disk.fill()
        self.crowd.press()
        await self._clock.sleep_s(self._rng.uniform(*_FULL_S))
        self._disk.free()

    async def _kill_parent(self) -> None:
        """Kill the service but not its broker, which is to go by itself and leave its port."""
        left = children(self.service.pid)
        assert left
        os.kill(self.service.pid, signal.SIGKILL)
        await eventually(lambda: not any(map(runs, left)), what="the orphan is gone")
        await self._kill()

    async def _kill_while_starting(self) -> None:
        before = self.service.pid
        starting = asyncio.create_task(asyncio.to_thread(self.service.start), name="start")
        await eventually(lambda: self.service.pid != before, what="it is started")
        usual_s = sorted(self.ready_after_s)[len(self.ready_after_s) // 2]
        await self._clock.sleep_s(self._rng.uniform(0.0, usual_s))
        os.killpg(self.service.pid, signal.SIGKILL)
        with suppress(AssertionError):  # it did not get ready: that was the point
            await starting
        await self._kill()

    async def _kill(self) -> None:
        self.kills += 1
        self._down_since_s = self._down_since_s or self._clock.monotonic_s()
        await asyncio.to_thread(self.service.kill)

    async def _start(self) -> None:
        since_s = self._clock.monotonic_s()
        await asyncio.to_thread(self.service.start)
        now_s = self._clock.monotonic_s()
        self.ready_after_s.append(now_s - since_s)
        self._outages.append(Wait(self._down_since_s or since_s, now_s))
        self._down_since_s = None

    async def _all_talk(self) -> None:
        """Wait until all devices are connected, and somebody's alarm was answered since."""
        diary = self.crowd.diary
        await eventually(lambda: self.crowd.all_connected, _ANSWERED_WITHIN_S, "all devices are connected")
        answers = len(diary.waits)
        self.crowd.press()
        await eventually(lambda: len(diary.waits) > answers, _ANSWERED_WITHIN_S, "an alarm is answered")

    async def _drained(self) -> None:
        try:
            await eventually(lambda: self.crowd.idle, _DRAINED_WITHIN_S, "all is confirmed and received")
        except NotInTime as late:  # the checker tells better which alarm is without an answer
            self.refusals.append(str(late))

    async def _caught_up(self) -> None:
        """Wait until an outside broker has handed over what it accepted, and those to be called are."""

        async def nothing_is_missing() -> bool:
            return not faults(self.crowd.diary, await read_kept(self.service.data_dir))

        with suppress(NotInTime):  # the checker tells what is missing
            await eventually(nothing_is_missing, _CAUGHT_UP_WITHIN_S, "all that was accepted is logged")

    # ------------------------------------------------------------------ the people in it

    @asynccontextmanager
    async def _playing(self, http: httpx.AsyncClient) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(self.crowd.run(), name="crowd"),
            asyncio.create_task(self._dispatch(http), name="dispatcher"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _dispatch(self, http: httpx.AsyncClient) -> None:
        """Close alerts as they come, so that presses raise new ones as well as join open ones."""
        while True:
            await self._clock.sleep_s(_RESOLVE_EVERY_S)
            with suppress(httpx.TransportError):  # it was killed
                await self._close_alerts(http)

    async def _close_alerts(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/api/v1/alerts", params={"state": "raised", "limit": 50})
        self._judge(answer)
        for alert in answer.json()["items"]:
            if self._rng.random() < 0.5:
                body = {"version": alert["version"], "reason": "test"}
                done = await http.post(f"/api/v1/alerts/{alert['id']}/resolve", json=body)
                self._judge(done, also=409)
                self.closed_alerts += done.status_code == 200

    def _judge(self, answer: httpx.Response, also: int = 200) -> None:
        if answer.status_code not in (200, also):
            self.refusals.append(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")

    # ------------------------------------------------------------------ what came of it

    def report(self) -> str:
        """Return what was done, and how long what people wait for took, in one paragraph."""
        diary, waits = self.crowd.diary, self.crowd.diary.waits
        ready_s = sorted(self.ready_after_s[1:])
        quiet_s = sorted(wait.until_s - wait.from_s for wait in waits if self._outage_in(wait) is None)
        after_s = sorted(
            wait.until_s - end_s for wait in waits if (end_s := self._outage_in(wait)) is not None
        )
        return (
            f"seed {self.seed}: {self.kills} kills, {diary.published} publishes,"
            f" {len(diary.confirmed)} messages acknowledged, {len(diary.pressed)} alarms pressed and"
            f" {len(waits)} received, {self.closed_alerts} alerts closed meanwhile;"
            f" ready after restart p50 {_middle(ready_s):.1f} s, max {max(ready_s, default=0):.1f} s;"
            f" alarm said to alarm_received p50 {_middle(quiet_s) * 1000:.0f} ms,"
            f" max {max(quiet_s, default=0) * 1000:.0f} ms; over an outage, counted from ready,"
            f" p50 {_middle(after_s) * 1000:.0f} ms, max {max(after_s, default=0) * 1000:.0f} ms"
        )

    def _outage_in(self, wait: Wait) -> float | None:
        """Return when the last outage within `wait` ended, None if there was none."""
        ends_s = [
            one.until_s for one in self._outages if one.from_s < wait.until_s and wait.from_s < one.until_s
        ]
        return max(ends_s, default=None)


def _middle(ordered: list[float]) -> float:
    return ordered[len(ordered) // 2] if ordered else 0.0
