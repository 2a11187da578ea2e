"""Play: one run of a scenario: its steps in time, and what became of what was expected of them."""

import asyncio

from devices.clock import Clock
from simulators.address import TELL_AFTER_S
from simulators.errors import SimulatorError
from simulators.expectations import Checker
from simulators.journal import Journal
from simulators.junit import Verdict
from simulators.scenario import Expectation, Scenario, Step, seconds
from simulators.stage import Stage
from simulators.telling import progress

_LOOK_EVERY_S = 0.02
_TELL_EVERY_S = 5.0


class Play:
    """One run of a scenario."""

    def __init__(
        self,
        scenario: Scenario,
        stage: Stage,
        journal: Journal,
        clock: Clock,
        *,
        speed: float = 1.0,
        connect_s: float = 10.0,
    ) -> None:
        """`connect_s` is how long devices may take to connect before the first step."""
        self._scenario, self._stage, self._clock = scenario, stage, clock
        self._speed, self._connect_s = speed, connect_s
        self._checker = Checker(stage, journal, clock)
        self._checks: list[tuple[Expectation, int, asyncio.Task[Verdict]]] = []
        self._settled: list[Verdict] | None = None
        self._began_s = self._told_s = 0.0
        self._taken = 0

    @property
    def verdicts(self) -> list[Verdict]:
        """What became of each expectation, in the scenario's order; of those that are settled so far."""
        if self._settled is not None:
            return self._settled
        ended = (task for _expected, _from_ms, task in self._checks if task.done() and not task.cancelled())
        return [task.result() for task in ended if task.exception() is None]

    async def run(self) -> None:
        """Play all steps, and wait for what is expected of them.

        Raises:
            SimulatorError: a device could not connect, or a step could not be done.
        """
        async with asyncio.TaskGroup() as tasks:
            actors = self._stage.actors.values()
            running = [tasks.create_task(actor.phone.run(), name=actor.name) for actor in actors]
            await self._until_connected()
            self._began_s = self._clock.monotonic_s()
            running.append(tasks.create_task(self._tell_on(), name="progress"))
            for actor in actors:
                actor.begin()
            for step in sorted(self._scenario.steps, key=lambda step: seconds(step.at)):
                await self._take(step, tasks)
            self._expect(self._scenario.in_the_end, tasks)
            self._settled = [await self._settle(*check) for check in self._checks]
            for task in running:
                task.cancel()

    async def _take(self, step: Step, tasks: asyncio.TaskGroup) -> None:
        due_s = self._began_s + seconds(step.at) / self._speed
        await self._clock.sleep_s(max(0.0, due_s - self._clock.monotonic_s()))
        self._taken += 1
        self._expect(step.expected, tasks)
        if step.do is not None:
            self._tell(f"{step.device}: {step.do}")
            await self._stage.do(step)

    def _expect(self, expected: list[Expectation], tasks: asyncio.TaskGroup) -> None:
        now_ms = self._clock.now_ms()
        for each in expected:
            task = tasks.create_task(self._told(each, now_ms), name=f"expect {each.device}")
            self._checks.append((each, now_ms, task))

    async def _told(self, expected: Expectation, from_ms: int) -> Verdict:
        verdict = await self._checker.check(expected, from_ms)
        held = f"held after {verdict.took_s:.2f} s" if verdict.fault is None else f"FAILED: {verdict.fault}"
        self._tell(f"{verdict.name}: {held}")
        return verdict

    async def _settle(self, expected: Expectation, from_ms: int, task: asyncio.Task[Verdict]) -> Verdict:
        await asyncio.wait([each for _expected, _from_ms, each in self._checks])
        verdict = await self._checker.check_again(expected, from_ms, await task)
        if verdict.fault is not None and task.result().fault is None:
            self._tell(f"{verdict.name}: FAILED: {verdict.fault}")
        return verdict

    async def _until_connected(self) -> None:
        began_s, told = self._clock.monotonic_s(), False
        specs = {spec.name: spec for spec in self._scenario.devices}
        for name, actor in self._stage.actors.items():
            while specs[name].connect and not actor.phone.online:
                waited_s = self._clock.monotonic_s() - began_s
                what = f"{name} ({actor.device})"
                if waited_s > self._connect_s:
                    raise SimulatorError(f"{what} could not connect: {actor.phone.trouble}")
                if waited_s > TELL_AFTER_S and not told:
                    told = True
                    progress(f"{what} is not connected yet: {actor.phone.trouble}")
                await self._clock.sleep_s(_LOOK_EVERY_S)

    def _tell(self, line: str) -> None:
        self._told_s = self._clock.monotonic_s()
        progress(f"{self._told_s - self._began_s:7.2f} s  {line}")

    async def _tell_on(self) -> None:
        """Say now and then that it goes on, where nothing else is to be told."""
        total = len(self._scenario.wanted)
        while True:
            await self._clock.sleep_s(_TELL_EVERY_S)
            if self._clock.monotonic_s() - self._told_s >= _TELL_EVERY_S * 0.9:
                done = sum(task.done() for _expected, _from_ms, task in self._checks)
                self._tell(f"… {self._taken} of {len(self._scenario.steps)} steps, {done} of {total} checks")
