"""One nurse of the demo: her devices, her visit, and the routine that all roles share."""

from random import Random

from devices.clock import Clock
from simulators.address import Broker
from simulators.button import Button
from simulators.device import Device
from simulators.geometry import Point, distance_m
from simulators.journal import Journal
from simulators.movement import SCOOTER_MPS
from simulators.noise import INDOORS
from simulators.phone import Phone
from simulators.recorder import Recorder
from simulators.roster import PlannedVisit, RosterDevice
from simulators.streets import District
from simulators.whereabouts import Whereabouts

_CHECK_IN_EVERY_S = 900.0
_SEGMENT_EVERY_S = 60.0
_THERE_M = 50.0
_FAR_M = 700.0
_WORK = ("identify", "assess", "blood_pressure", "wound_care", "injection", "teach", "tidy_up")


class Nurse:
    """A nurse with her devices; the routine of a visit, in parts that a story puts together."""

    def __init__(
        self,
        own: list[RosterDevice],
        broker: Broker,
        district: District,
        clock: Clock,
        rng: Random,
        journal: Journal,
        fix_every_s: float,
    ) -> None:
        """`own` are her devices, at least one."""
        self.clock, self.rng, self.district, self.journal = clock, rng, district, journal
        self.role = own[0].role
        self.visit: PlannedVisit | None = next((each.visit for each in own if each.visit), None)
        home = Point(self.visit.lat, self.visit.lon) if self.visit else rng.choice(district.homes).point
        self.home = home
        there = self.on_visit() and self.role != "travelling"
        start = home if there or self.visit is None else self._far_from(home)
        self.whereabouts = Whereabouts(start, clock, rng)
        self.devices: list[Device] = []
        self.phone: Phone | None = None
        self.button: Button | None = None
        self.recorder: Recorder | None = None
        for each in own:
            if each.kind == "phone":
                self.phone = Phone(each, broker, clock, rng, journal, self.whereabouts, fix_every_s)
                self.devices.append(self.phone)
            elif each.kind == "button":
                self.button = Button(each, broker, clock, rng, journal)
                self.devices.append(self.button)
            else:
                self.recorder = Recorder(each, broker, clock, rng, journal)
                self.devices.append(self.recorder)

    def _far_from(self, home: Point) -> Point:
        far = [each.point for each in self.district.homes if distance_m(home, each.point) > _FAR_M]
        return self.rng.choice(far or [home])

    @property
    def visit_id(self) -> str | None:
        """The id of her visit, if she has one that has one."""
        return self.visit.id if self.visit else None

    @property
    def check_in_every_s(self) -> float:
        """How often she is to check in, seconds."""
        return (self.visit.check_in_every_s if self.visit else None) or _CHECK_IN_EVERY_S

    def on_visit(self) -> bool:
        """Tell whether her visit is planned for now."""
        return self.visit is not None and self.visit.covers(self.clock.now_ms())

    # ------------------------------------------------------------------ the visit's parts

    async def come(self) -> None:
        """Come to the home, if she is not there already, and begin the visit."""
        here = self.whereabouts.place().point
        if distance_m(here, self.home) > _THERE_M:
            await self.ride(self.district.route(here, self.home))
        if self.phone is None:
            return
        self.whereabouts.stay(self.home, INDOORS)
        self.phone.tell("arrive", visit=self.visit_id)
        self.phone.tell("visit_start", visit=self.visit_id)

    async def ride(self, path: list[Point], speed_mps: float = SCOOTER_MPS) -> None:
        """Go along `path` and be there."""
        await self.clock.sleep_s(self.whereabouts.go(path, speed_mps))

    def leave(self) -> None:
        """End the visit."""
        if self.phone is not None:
            self.phone.tell("visit_end", visit=self.visit_id)
            self.phone.tell("leave", visit=self.visit_id)
        if self.recorder is not None:
            self.recorder.rate(self.rng.choice((4, 5, 5)), self.visit_id)
            self.recorder.stop(self.visit_id)

    async def check_in_regularly(self) -> None:
        """Check in well before it is due, until the visit's planned end."""
        while self.on_visit() and self.phone is not None:
            self.phone.tell("check_in", visit=self.visit_id)
            await self.clock.sleep_s(self.check_in_every_s * self.rng.uniform(0.5, 0.75))

    async def film(self) -> None:
        """Let the recorder run through the visit, with the steps of the work."""
        if self.recorder is None:
            return
        self.recorder.start(self.visit_id)
        done = 0
        while self.on_visit():
            await self.clock.sleep_s(_SEGMENT_EVERY_S * self.rng.uniform(0.9, 1.1))
            self.recorder.segment(self.visit_id, _SEGMENT_EVERY_S)
            if done < len(_WORK):
                self.recorder.step(_WORK[done], self.visit_id)
            done += 1
            if done == len(_WORK):
                self.recorder.use("gauze", self.rng.randint(1, 4), "piece", self.visit_id)
                self.recorder.discard("sharps", 1, "box", self.visit_id)
