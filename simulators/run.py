"""Scenarios: `python -m simulators.run SCENARIO.yaml --broker URL --api URL` (also `vigil simulate`).

Plays devices from outside and checks what comes of it. Exits 0 only if every expectation held, 1
otherwise, with one line that says why. The format: simulators/scenarios/README.md.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import NamedTuple

from devices.clock import SystemClock
from simulators import arguments
from simulators.api import Api
from simulators.errors import BadFile, SimulatorError, first_leaf
from simulators.http_link import http_client
from simulators.journal import Journal, open_sink
from simulators.junit import Verdict, render
from simulators.play import Play
from simulators.provisioning import Maker, find_given, provide
from simulators.rehearsal import rehearse
from simulators.roster import load_roster
from simulators.scenario import Scenario, load
from simulators.speech import Doors
from simulators.stage import Actor, Stage
from simulators.stopping import until_stopped
from simulators.telling import progress

_STOPPED = "stopped before its end"
_SINCE_MARGIN_MS = 3_600_000  # the service's clock may differ from ours; known alerts are told apart by id


class Outcome(NamedTuple):
    """What became of expectations; `fault` says why the scenario was not played to its end."""

    verdicts: list[Verdict]
    fault: str | None


async def play(scenario: Scenario, options: argparse.Namespace, token: str | None) -> Outcome:
    """Provide the devices, play the scenario, and withdraw what was made for it."""
    clock, broker = SystemClock(), options.broker
    roster = load_roster(options.devices) if options.devices else None
    api = Api(options.api, token) if token else None
    if api is None and scenario.needs_the_api:
        raise BadFile(
            "the scenario has to do with alerts, which are at the API: give --token, or VIGIL_TOKEN"
        )
    sink = open_sink(options.journal) if options.journal else None
    http = http_client(options.api)
    maker = Maker(api, clock) if api is not None else None
    performance: Play | None = None
    fault: str | None = _STOPPED

    async def work() -> None:
        nonlocal performance, fault
        doors = Doors(broker, http, clock)
        await rehearse(scenario, doors)
        given = find_given(scenario, roster, can_make=maker is not None)
        if scenario.speaks_mqtt:  # found now, and not when a nurse waits for her devices
            await broker.wait_for(clock, options.connect_s)
        provided = await provide(scenario, given, maker)
        journal = Journal(sink)
        actors = [Actor(each, doors, f"{options.seed}:{each.spec.name}", journal) for each in provided]
        stage = Stage(actors, api, clock, clock.now_ms() - _SINCE_MARGIN_MS)
        await _learn_known(scenario, stage)
        pace = {"speed": options.speed, "connect_s": options.connect_s}
        performance = Play(scenario, stage, journal, clock, **pace)
        await performance.run()
        fault = None

    try:
        await until_stopped(work())
    except* SimulatorError as group:
        fault = str(first_leaf(group))
    finally:
        if maker is not None:  # also after a signal: what stays behind would page people
            await maker.withdraw()
        if sink is not None:
            sink.close()
        if api is not None:
            await api.close()
        await http.aclose()
    return Outcome(performance.verdicts if performance is not None else [], fault)


async def _learn_known(scenario: Scenario, stage: Stage) -> None:
    """Note the alerts that were there before, so that only new ones count."""
    kinds = {each.alert for each in scenario.wanted if each.alert is not None}
    actors = stage.actors.values()
    before = [alert for kind in kinds for actor in actors for alert in await stage.alerts(kind, actor)]
    stage.known = {alert["id"] for alert in before}


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(argv)
    name = str(options.scenario)
    # The variables of a scenario are its user's, so they come from the user's environment.
    environment = {**os.environ, **dict(options.set)}  # noqa: TID251
    if not _report(options, name, [_unplayed(_STOPPED)], early=True):
        return 1  # found now, and not when all is played
    try:
        scenario = load(options.scenario, environment)
        name = scenario.name
        progress(f"{name} (seed {options.seed})")
        outcome = asyncio.run(play(scenario, options, options.token or environment.get("VIGIL_TOKEN")))
    except SimulatorError as error:
        outcome = Outcome([], str(error))
    unplayed = [_unplayed(outcome.fault)] if outcome.fault is not None else []
    reported = _report(options, name, outcome.verdicts + unplayed)
    if outcome.fault is not None:
        progress(f"vigil: {' '.join(outcome.fault.split())}")
        return 1
    failed = sum(verdict.fault is not None for verdict in outcome.verdicts)
    progress(f"{len(outcome.verdicts) - failed} of {len(outcome.verdicts)} expectations held")
    return 1 if failed or not reported else 0


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vigil simulate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "scenario", type=Path, metavar="SCENARIO.yaml", help="a file, or the name of a shipped one"
    )
    at = "mqtt://127.0.0.1:1883"
    parser.add_argument(
        "--broker", type=arguments.broker, default=at, help="mqtt://HOST:PORT (127.0.0.1:1883)"
    )
    parser.add_argument(
        "--api", type=arguments.web_address, default="http://127.0.0.1:8000", help="where Vigil's API is"
    )
    parser.add_argument("--token", help="a bearer token (or VIGIL_TOKEN): vigil token create --user U")
    parser.add_argument("--devices", type=Path, help="credentials: what `vigil device add --json` printed")
    parser.add_argument(
        "--set", type=arguments.variable, action="append", default=[], help="NAME=VALUE for ${NAME}"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed plays the same scenario (1)")
    parser.add_argument(
        "--speed", type=arguments.number(0.01, 1000), default=1.0, help="2 takes the steps twice as fast (1)"
    )
    parser.add_argument(
        "--connect-s", type=arguments.number(0), default=10.0, help="how long connecting may take (10)"
    )
    parser.add_argument("--junit", type=Path, help="write the outcome as JUnit XML")
    parser.add_argument("--journal", type=Path, help="append what was sent and heard, as JSON lines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
