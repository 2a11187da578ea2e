"""Load from many devices: `python -m simulators.load --broker … --devices FILE --rate 1000 --seconds 30`.

Publishes single fixes at a steady total rate from all devices of FILE (a roster, or what
`vigil device add --json` printed), and presses for help now and then, each panic until `alarm_received`.
With `--journal` each publish, PUBACK and command is a JSON line on the disk's side of a write at once:
what stands there as confirmed must be in Vigil's log, whatever is killed. Prints one JSON object, with the
memory that a device takes, and the processor for a fix.
"""

import argparse
import asyncio
import sys
from itertools import cycle
from pathlib import Path
from random import Random

import msgspec
import uvloop

from devices.clock import SystemClock
from simulators import arguments
from simulators.address import TELL_AFTER_S, Broker
from simulators.device import Device
from simulators.errors import SimulatorError, first_leaf
from simulators.footprint import Footprint, allow_many_connections
from simulators.geometry import Point, offset
from simulators.journal import Entry, Journal, open_sink
from simulators.payloads import Measured
from simulators.roster import Roster, load_roster
from simulators.stopping import until_stopped
from simulators.telling import progress, result

_CENTRE = Point(31.23, 121.465)
_AREA_M = 1_500.0
_TICK_S = 0.005
_TELL_EVERY_S = 2.0
_CONNECT_AT_ONCE = 50


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: fixes a second in total, for how long, a panic how often (0: never), how long to wait."""

    rate_per_s: float
    seconds: float
    panic_every_s: float
    drain_s: float
    first_seq: int = 0


class Outcome(msgspec.Struct, kw_only=True):
    """What came of it; `received_ms` are the times from a press to its `alarm_received`."""

    devices: int
    seconds: float
    fixes: int
    fixes_confirmed: int
    panics: int
    panics_received: int
    received_ms_p50: float | None
    received_ms_p99: float | None
    unsent: int
    late_s: float
    kib_per_device: float
    cpu_ms_per_fix: float
    cpu_pct: float


class Load:
    """The devices, and the pace they are driven at."""

    def __init__(
        self, roster: Roster, broker: Broker, plan: Plan, *, seed: int, clock: SystemClock, journal: Journal
    ) -> None:
        self._plan, self._clock, self._journal = plan, clock, journal
        self._footprint = Footprint(clock)
        self._rng = Random(seed)
        self._devices = [
            Device(
                each,
                broker,
                clock,
                Random(f"{seed}:{each.id}"),
                journal,
                first_seq=plan.first_seq,
                max_list=1,
            )
            for each in roster.devices
        ]
        self._places = {device.id: _somewhere(self._rng) for device in self._devices}
        self._pressed_ms: dict[str, int] = {}
        self._took_ms: dict[str, int] = {}
        self._fixes = 0
        self._late_s = 0.0
        journal.listen(self._hear)

    async def run(self) -> Outcome:
        """Connect all, make the load, wait for what is under way, and return what came of it."""
        async with asyncio.TaskGroup() as tasks:
            running: list[asyncio.Task[None]] = []
            await self._connect(tasks, running)
            await self._drive()
            await self._drain()
            for task in running:
                task.cancel()
        return self._outcome()

    async def _connect(self, tasks: asyncio.TaskGroup, running: list[asyncio.Task[None]]) -> None:
        for number, device in enumerate(self._devices, 1):
            running.append(tasks.create_task(device.run(), name=f"device {device.id}"))
            if number % _CONNECT_AT_ONCE == 0 or number == len(self._devices):
                await self._until_online(self._devices[:number])
        self._footprint.connected()
        progress(f"{len(self._devices)} devices are connected")

    async def _until_online(self, devices: list[Device]) -> None:
        began_s, told = self._clock.monotonic_s(), False
        while missing := [device for device in devices if not device.online]:
            waited_s = self._clock.monotonic_s() - began_s
            what = f"{len(missing)} of the first {len(devices)} devices, such as {missing[0].id}"
            if waited_s > self._plan.drain_s:
                raise SimulatorError(f"{what}, could not connect: {missing[0].trouble}")
            if waited_s > TELL_AFTER_S and not told:
                told = True
                progress(f"{what}, are not connected yet: {missing[0].trouble}")
            await self._clock.sleep_s(_TICK_S)

    async def _drive(self) -> None:
        plan, clock = self._plan, self._clock
        turn = cycle(self._devices)
        began_s = told_s = clock.monotonic_s()
        panics = 0
        total, gone_s = round(plan.seconds * plan.rate_per_s), 0.0
        while gone_s < plan.seconds or self._fixes < total:
            gone_s = clock.monotonic_s() - began_s
            due = min(total, int(gone_s * plan.rate_per_s))
            self._late_s = max(self._late_s, (due - self._fixes) / plan.rate_per_s if plan.rate_per_s else 0)
            while self._fixes < due:
                device = next(turn)
                device.fix(self._places[device.id])
                self._fixes += 1
            if plan.panic_every_s and gone_s >= (panics + 1) * plan.panic_every_s:
                panics += 1
                device = self._rng.choice(self._devices)
                self._pressed_ms[device.alarm("panic", self._places[device.id])] = clock.now_ms()
            if clock.monotonic_s() - told_s >= _TELL_EVERY_S:
                told_s = clock.monotonic_s()
                progress(self._so_far(gone_s))
            await clock.sleep_s(_TICK_S)

    def _so_far(self, gone_s: float) -> str:
        confirmed = self._journal.counts["confirmed", "location"]
        return (
            f"{gone_s:.0f} of {self._plan.seconds:.0f} s: {self._fixes} fixes, {confirmed} confirmed;"
            f" {len(self._pressed_ms)} panics, {len(self._took_ms)} received"
        )

    async def _drain(self) -> None:
        deadline_s = self._clock.monotonic_s() + self._plan.drain_s
        while any(device.unsent or device.unreceived for device in self._devices):
            if self._clock.monotonic_s() > deadline_s:
                return
            await self._clock.sleep_s(_TICK_S)

    def _hear(self, entry: Entry) -> None:
        if entry.what == "heard" and entry.kind == "alarm_received" and entry.alarm in self._pressed_ms:
            self._took_ms.setdefault(entry.alarm, entry.at_ms - self._pressed_ms[entry.alarm])

    def _outcome(self) -> Outcome:
        took = sorted(self._took_ms.values())
        taken = self._footprint.taken(len(self._devices), self._fixes)
        return Outcome(
            devices=len(self._devices),
            seconds=self._plan.seconds,
            fixes=self._fixes,
            fixes_confirmed=self._journal.counts["confirmed", "location"],
            panics=len(self._pressed_ms),
            panics_received=len(took),
            received_ms_p50=_percentile(took, 0.50),
            received_ms_p99=_percentile(took, 0.99),
            unsent=sum(device.unsent for device in self._devices),
            late_s=round(self._late_s, 3),
            **taken._asdict(),
        )


def _somewhere(rng: Random) -> Measured:
    point = offset(_CENTRE, rng.uniform(-_AREA_M, _AREA_M), rng.uniform(-_AREA_M, _AREA_M))
    return Measured(point.lat, point.lon, rng.uniform(7.0, 13.0))


def _percentile(ordered: list[int], part: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else None


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code: 1 if a fix was not confirmed or a panic not received."""
    options = _parser().parse_args(argv)
    allow_many_connections()
    outcomes: list[Outcome] = []
    failure = "stopped before its time"
    try:
        roster, broker = load_roster(options.devices), options.broker
        uvloop.run(_run(roster, broker, options, outcomes))
    except* SimulatorError as group:
        failure = str(first_leaf(group))
    if not outcomes:
        progress(f"simulators.load: {failure}")
        return 1
    outcome = outcomes[0]
    result(msgspec.json.encode(outcome).decode())
    if outcome.unsent or outcome.panics_received < outcome.panics:
        progress("simulators.load: not everything was confirmed or received in time")
        return 1
    return 0


async def _run(roster: Roster, broker: Broker, options: argparse.Namespace, into: list[Outcome]) -> None:
    plan = Plan(
        rate_per_s=options.rate,
        seconds=options.seconds,
        panic_every_s=options.panic_every_s,
        drain_s=options.drain_s,
        first_seq=options.first_seq,
    )
    sink = open_sink(options.journal) if options.journal else None
    clock = SystemClock()
    load = Load(roster, broker, plan, seed=options.seed, clock=clock, journal=Journal(sink))

    async def work() -> None:
        await broker.wait_for(clock, plan.drain_s)
        into.append(await load.run())

    try:
        await until_stopped(work())
    finally:
        if sink is not None:
            sink.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators.load", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--broker", type=arguments.broker, default="127.0.0.1:1883", help="mqtt://HOST:PORT (127.0.0.1:1883)"
    )
    parser.add_argument(
        "--devices", type=Path, required=True, help="roster, JSON list or JSON lines of devices"
    )
    parser.add_argument(
        "--rate", type=arguments.number(0), default=1000.0, help="fixes a second in total (1000)"
    )
    parser.add_argument("--seconds", type=arguments.number(0), default=30.0, help="how long (30)")
    parser.add_argument(
        "--panic-every-s",
        type=arguments.number(0),
        default=0.0,
        help="a panic every so many seconds (0: none)",
    )
    parser.add_argument(
        "--drain-s", type=arguments.number(0), default=30.0, help="wait so long for what is under way (30)"
    )
    parser.add_argument("--first-seq", type=int, default=0, help="the first seq of each device (0)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same load (1)")
    parser.add_argument(
        "--journal", type=Path, help="append what was sent, confirmed and heard, as JSON lines"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
