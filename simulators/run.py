"""Scenarios: `python -m simulators.run SCENARIO.yaml --broker URL --api URL` (also `vigil simulate`).

Plays devices from outside and checks what comes of it. Exits 0 only if every expectation held, 1
otherwise, with one line that says why. The format: simulators/scenarios/README.md.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import BinaryIO

from devices.clock import Clock, SystemClock
from simulators.address import Broker
from simulators.api import Api
from simulators.errors import BadFile, SimulatorError, first_leaf
from simulators.expectations import Checker
from simulators.http_link import http_client
from simulators.journal import Journal
from simulators.junit import Verdict, render
from simulators.provisioning import provide
from simulators.roster import load_roster
from simulators.scenario import Expectation, Scenario, Step, load, seconds
from simulators.speech import Doors
from simulators.stage import Actor, Stage
from simulators.stopping import until_stopped
from simulators.telling import progress

_LOOK_EVERY_S = 0.02
_TELL_EVERY_S = 5.0
_SINCE_MARGIN_MS = 3_600_000  # the service's clock may differ from ours; known alerts are told apart by id


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
        self._began_s = self._told_s = 0.0
        self._taken = 0

    async def run(self) -> list[Verdict]:
        """Play all steps and return what became of each expectation, in the scenario's order.

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
            verdicts = [await self._settled(*check) for check in self._checks]
            for task in running:
                task.cancel()
        return verdicts

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

    async def _settled(self, expected: Expectation, from_ms: int, task: asyncio.Task[Verdict]) -> Verdict:
        await asyncio.wait([each for _expected, _from_ms, each in self._checks])
        verdict = await self._checker.check_again(expected, from_ms, await task)
        if verdict.fault is not None and task.result().fault is None:
            self._tell(f"{verdict.name}: FAILED: {verdict.fault}")
        return verdict

    async def _until_connected(self) -> None:
        deadline_s = self._clock.monotonic_s() + self._connect_s
        specs = {spec.name: spec for spec in self._scenario.devices}
        for name, actor in self._stage.actors.items():
            while specs[name].connect and not actor.phone.online:
                if self._clock.monotonic_s() > deadline_s:
                    raise SimulatorError(f"{name} ({actor.device}) could not connect to the broker")
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


async def play(scenario: Scenario, options: argparse.Namespace, token: str | None) -> list[Verdict]:
    """Provide the devices, play the scenario, and return what became of each expectation."""
    clock, broker = SystemClock(), Broker.parse(options.broker)
    roster = load_roster(options.devices) if options.devices else None
    api = Api(options.api, token) if token else None
    if api is None and any(each.alert for each in scenario.wanted):
        raise BadFile("the scenario expects alerts, which are read at the API: give --token, or VIGIL_TOKEN")
    sink = _opened(options.journal) if options.journal else None
    http = http_client(options.api)
    try:
        provided = await provide(scenario, roster, api, clock)
        journal = Journal(sink)
        doors = Doors(broker, http, clock)
        actors = [Actor(each, doors, f"{options.seed}:{each.spec.name}", journal) for each in provided]
        stage = Stage(actors, api, clock, clock.now_ms() - _SINCE_MARGIN_MS)
        await _learn_known(scenario, stage)
        pace = {"speed": options.speed, "connect_s": options.connect_s}
        return await Play(scenario, stage, journal, clock, **pace).run()
    finally:
        if sink is not None:
            sink.close()
        if api is not None:
            await api.close()
        await http.aclose()


def _opened(journal: Path) -> BinaryIO:
    try:
        return journal.open("ab", buffering=0)
    except OSError as error:
        raise BadFile(f"cannot write {journal}: {error.strerror}") from error


async def _learn_known(scenario: Scenario, stage: Stage) -> None:
    """Note the alerts that were there before, so that only new ones count."""
    kinds = {each.alert for each in scenario.wanted if each.alert is not None}
    actors = stage.actors.values()
    before = [alert for kind in kinds for actor in actors for alert in await stage.alerts(kind, actor)]
    stage.known = {alert["id"] for alert in before}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    verdicts: list[Verdict] | None = None
    failure, name = "stopped before its end", str(options.scenario)

    async def work() -> None:
        nonlocal verdicts
        verdicts = await play(scenario, options, options.token or environment.get("VIGIL_TOKEN"))

    # The variables of a scenario are its user's, so they come from the user's environment.
    environment = {**os.environ, **dict(options.set)}  # noqa: TID251
    if not _report(options, name, [_unplayed(failure)], early=True):
        return 1  # found now, and not when all is played
    try:
        scenario = load(options.scenario, environment)
        name = scenario.name
        progress(f"{name} (seed {options.seed})")
        asyncio.run(until_stopped(work()))
    except* SimulatorError as group:
        failure = str(first_leaf(group))
    if verdicts is None:
        _report(options, name, [_unplayed(failure)])
        progress(f"vigil: {' '.join(failure.split())}")
        return 1
    if not _report(options, name, verdicts):
        return 1
    failed = sum(verdict.fault is not None for verdict in verdicts)
    progress(f"{len(verdicts) - failed} of {len(verdicts)} expectations held")
    return 1 if failed else 0


def _unplayed(failure: str) -> Verdict:
    return Verdict("it can be played to its end", 0.0, failure)


def _report(options: argparse.Namespace, name: str, verdicts: list[Verdict], *, early: bool = False) -> bool:
    """Write the outcome where it was asked for; a CI must find it whatever happened.

    An `early` one stands there until it is known; a pipe, which takes one outcome only, is spared it.
    """
    if options.junit is None:
        return True
    try:
        if early and options.junit.exists() and not (options.junit.is_file() or options.junit.is_dir()):
            return True
        options.junit.write_bytes(render(name, verdicts))
    except OSError as error:
        progress(f"vigil: cannot write {options.junit}: {error.strerror}")
        return False
    return True


def _variable(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not given or not name:
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=VALUE")
    return name, value


def _speed(text: str) -> float:
    value = float(text)
    if not 0.01 <= value <= 1000:
        raise argparse.ArgumentTypeError("expected 0.01 to 1000")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vigil simulate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "scenario", type=Path, metavar="SCENARIO.yaml", help="a file, or the name of a shipped one"
    )
    parser.add_argument("--broker", default="mqtt://127.0.0.1:1883", help="mqtt://HOST:PORT (127.0.0.1:1883)")
    parser.add_argument("--api", default="http://127.0.0.1:8000", help="where Vigil's API is")
    parser.add_argument("--token", help="a bearer token (or VIGIL_TOKEN): vigil token create --user U")
    parser.add_argument("--devices", type=Path, help="credentials: what `vigil device add --json` printed")
    parser.add_argument("--set", type=_variable, action="append", default=[], help="NAME=VALUE for ${NAME}")
    parser.add_argument("--seed", type=int, default=1, help="the same seed plays the same scenario (1)")
    parser.add_argument("--speed", type=_speed, default=1.0, help="2 takes the steps twice as fast (1)")
    parser.add_argument("--connect-s", type=float, default=10.0, help="how long connecting may take (10)")
    parser.add_argument("--junit", type=Path, help="write the outcome as JUnit XML")
    parser.add_argument("--journal", type=Path, help="append what was sent and heard, as JSON lines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
