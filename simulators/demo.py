"""The demo's cast: `python -m simulators.demo --broker 127.0.0.1:1883 --roster FILE.json`.

Plays every device of a roster (`simulators.roster`) in one process, over MQTT, as outsiders. Ends on
SIGTERM, or when stdin is a pipe that closes (so it dies with the process that started it).
"""

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path
from random import Random

import uvloop

from devices.clock import Clock, SystemClock
from simulators import arguments
from simulators.address import Broker
from simulators.errors import SimulatorError, first_leaf
from simulators.journal import Journal, open_sink
from simulators.nurse import Nurse
from simulators.roster import Roster, load_roster
from simulators.stopping import until_stopped
from simulators.stories import play
from simulators.streets import District
from simulators.telling import progress

_STAGGER_S = 0.03  # a crowd that connects at once would measure the broker, not show it


async def play_roster(
    roster: Roster, broker: Broker, *, seed: int, fix_every_s: float, clock: Clock, journal: Journal
) -> None:
    """Play all of `roster` until cancelled; the same seed makes the same people."""
    district = District.shanghai()
    nurses = [
        Nurse(own, broker, district, clock, Random(f"{seed}:{name}"), journal, fix_every_s)
        for name, own in roster.by_nurse().items()
    ]
    actors = Counter(nurse.role for nurse in nurses)
    turns: Counter[str] = Counter()
    async with asyncio.TaskGroup() as tasks:
        for nurse in nurses:
            for device in nurse.devices:
                tasks.create_task(device.run(), name=f"device {device.id}")
                await clock.sleep_s(_STAGGER_S)
            story = play(nurse, turns[nurse.role], actors[nurse.role])
            tasks.create_task(story, name=f"story {nurse.role} {nurse.devices[0].id}")
            turns[nurse.role] += 1


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(argv)
    failure = ""
    try:
        roster, broker = load_roster(options.roster), options.broker
        progress(f"playing {len(roster.devices)} devices at {broker}")
        uvloop.run(_run(roster, broker, options))
    except* SimulatorError as group:
        failure = str(first_leaf(group))
    if failure:
        progress(f"simulators.demo: {failure}")
    return 1 if failure else 0


async def _run(roster: Roster, broker: Broker, options: argparse.Namespace) -> None:
    sink = open_sink(options.journal) if options.journal else None
    try:
        work = play_roster(
            roster,
            broker,
            seed=options.seed,
            fix_every_s=options.fix_every_s,
            clock=SystemClock(),
            journal=Journal(sink),
        )
        await until_stopped(work)
    finally:
        if sink is not None:
            sink.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators.demo", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--broker", type=arguments.broker, default="127.0.0.1:1883", help="mqtt://HOST:PORT (127.0.0.1:1883)"
    )
    parser.add_argument("--roster", type=Path, required=True, help="who to play: see simulators.roster")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same people (1)")
    parser.add_argument(
        "--fix-every-s", type=arguments.number(0), default=5.0, help="seconds between positions (5)"
    )
    parser.add_argument("--journal", type=Path, help="append what was sent and heard, as JSON lines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
