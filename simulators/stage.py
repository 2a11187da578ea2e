"""The stage of a scenario: its devices at work, what a step does to them, and the journal of it all."""

import asyncio
from itertools import pairwise
from random import Random
from typing import get_args

from devices.clock import Clock
from simulators.api import Alert, Api
from simulators.errors import SimulatorError
from simulators.geometry import Point
from simulators.journal import Journal
from simulators.noise import OPEN_SKY
from simulators.outbox import Letter
from simulators.payloads import AlarmKind, EventKind, RecordKind
from simulators.phone import Phone
from simulators.provisioning import Provided
from simulators.scenario import Spot, Step, seconds
from simulators.speech import Doors, speech
from simulators.steps import Steps
from simulators.streets import District
from simulators.whereabouts import Whereabouts

LOOK_EVERY_S = 0.05
_ALARMS: frozenset[AlarmKind] = frozenset(get_args(AlarmKind))
_EVENTS: frozenset[EventKind] = frozenset(get_args(EventKind))
_RECORDS: frozenset[RecordKind] = frozenset(get_args(RecordKind))


class Actor:
    """One device of the scenario. All kinds are played by a phone: it can do whatever a step asks for,
    as far as its dialect has words for it.
    """

    def __init__(self, given: Provided, doors: Doors, seed: str, journal: Journal) -> None:
        """The same `seed` moves, mismeasures and fails in the same way, whatever the network does."""
        spec, clock = given.spec, doors.clock
        self.name, self.visit = spec.name, given.visit
        where, phone = Random(f"{seed}:where"), Random(f"{seed}:phone")
        self._steps = Steps(clock)
        self._fix_every_s = seconds(spec.fix_every)
        self.whereabouts = Whereabouts(_point(spec.at), self._steps, where)
        self.whereabouts.stay(_point(spec.at), OPEN_SKY)
        self.phone = Phone(
            given.credentials,
            doors.broker,
            clock,
            phone,
            journal,
            self.whereabouts,
            fix_every_s=0,
            quirks=spec.quirks,
            speech=speech(spec.dialect, given.identity, doors),
        )
        self.last_alarm: str | None = None
        if not spec.connect:
            self.phone.cut()

    def begin(self) -> None:
        """Count time from now on, and report positions: how long connecting took changes nothing."""
        self._steps.begin()
        self.phone.keep_pace(self._fix_every_s)

    @property
    def device(self) -> str:
        """The device's id."""
        return self.phone.id


class Stage:
    """Does what steps say."""

    def __init__(self, actors: list[Actor], api: Api | None, clock: Clock, since_ms: int) -> None:
        """`since_ms` is when the scenario began: older alerts are none of its business."""
        self.actors = {actor.name: actor for actor in actors}
        self.api = api
        self.since_ms = since_ms
        self.known: set[str] = set()
        self._clock = clock
        self._looks: dict[str, tuple[float, asyncio.Task[list[Alert]]]] = {}

    async def do(self, step: Step) -> None:
        """Do what `step` says.

        Raises:
            SimulatorError: it cannot be done.
        """
        if step.do is None or step.device is None:
            return
        actor = self.actors[step.device]
        if step.at_the_desk:
            await self._at_the_desk(actor, step)
        elif step.do in _ALARMS:
            where = None if step.bare else actor.whereabouts.measure()
            actor.last_alarm = actor.phone.alarm(step.do, where, test=step.test, silent=step.silent)
        elif step.do in _EVENTS:
            alarm = actor.last_alarm if step.do == "cancel_alarm" else None
            visit = step.visit or actor.visit
            where = None if step.bare else actor.whereabouts.measure()
            actor.phone.event(step.do, where, visit=visit, pin=step.pin, alarm=alarm)
        elif step.do in _RECORDS:
            actor.phone.record(step.do, **{"visit": step.visit or actor.visit, **step.fields})
        else:
            _move_or_connect(actor, step)

    async def _at_the_desk(self, actor: Actor, step: Step) -> None:
        found = await self.alerts(step.alert or "", actor, fresh=True)
        if not found or self.api is None:
            raise SimulatorError(f"no {step.alert} alert of {actor.name} to {step.do}")
        body = {"reason": step.reason} if step.do == "resolve" else {}
        await self.api.act(found[0], step.do or "", **body)

    async def alerts(self, kind: str, actor: Actor, *, fresh: bool = False) -> list[Alert]:
        """Return this scenario's alerts of `kind` that `actor` caused, newest first.

        They may be as old as `LOOK_EVERY_S`, unless they must be `fresh`.
        """
        if self.api is None:
            raise SimulatorError("alerts are read at the API: give --token, or VIGIL_TOKEN")
        look = self.api.alerts(kind, self.since_ms) if fresh else self._look(self.api, kind)
        found = await look
        return [each for each in found if each["device"] == actor.device and each["id"] not in self.known]

    async def _look(self, api: Api, kind: str) -> list[Alert]:
        """Look at the alerts of `kind`, once for all who want to know at the same moment."""
        now_s = self._clock.monotonic_s()
        asked_s, look = self._looks.get(kind, (0.0, None))
        if look is None or now_s - asked_s >= LOOK_EVERY_S:
            look = asyncio.ensure_future(api.alerts(kind, self.since_ms))
            self._looks[kind] = (now_s, look)
        return await asyncio.shield(look)


def _move_or_connect(actor: Actor, step: Step) -> None:
    where, phone = actor.whereabouts, actor.phone
    here = where.place().point
    match step.do:
        case "fix":
            phone.report_position()
        case "report":
            phone.keep_pace(seconds(step.every or 0))
        case "walk":
            where.go(_way([here, *map(_point, step.places)], by_street=step.streets), step.speed_mps)
        case "jump":
            where.stay(_point(step.places[-1]), OPEN_SKY)
        case "stay":
            where.stay(here, OPEN_SKY)
        case "kill":
            phone.cut()
        case "connect":
            phone.restore()
        case "publish" if step.channel is not None and step.payload is not None:
            phone.post(Letter(step.channel, "raw", (-1, -1), step.payload.encode()))


def _way(places: list[Point], *, by_street: bool) -> list[Point]:
    if not by_street:
        return places
    district = District.shanghai()
    return [point for start, end in pairwise(places) for point in district.route(start, end)]


def _point(spot: Spot) -> Point:
    return Point(spot.lat, spot.lon)
