"""Both lanes as a machine: whatever is said, repeated or interrupted, three engines give one answer.

One takes record by record, one is restarted from checkpoints, one takes batches of any size. The store that
they fill is a dictionary by id, as the real one is: what comes twice is kept once.
"""

from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices import reports
from devices.identity import hash_pin
from devices.reports import AlarmBase, Position
from ingest.lanes import ALARMS, LANES, TELEMETRY, lanes_of
from ingest.records import Arrival, encode
from safety.domain.plan import DevicePlan, NursePlan
from safety.engine import Record, engine_for, run
from safety.rules.effects import (
    AlarmRepeated,
    CancelAlert,
    Effect,
    NoteAlert,
    PlacePosition,
    RaiseAlert,
)
from tests.support.days import replace
from tests.support.fences import of_org, square
from tests.support.records import HOME_LAT, HOME_LON, METRES_PER_DEGREE, VISIT, at, tick

FENCES: Final = of_org(
    square("in", "stay_in", 0, 2_000),
    square("out", "keep_out", 700, 100),
    square("too", "keep_out", 760, 100),
)
OWN: Final = (square("yard", "stay_in", 250, 80), square("cellar", "keep_out", 60, 30))
DAY: Final = NursePlan(
    nurse="nur_1",
    org="org_1",
    visits=(replace(VISIT, check_in_every_s=300.0, fences=OWN),),
    devices=(DevicePlan(id="dev_1", kind="phone"), DevicePlan(id="dev_2", kind="recorder")),
    pin_hash=hash_pin("nur_1", "1234"),
    duress_pin_hash=hash_pin("nur_1", "9999"),
    limits={"arrival_grace_s": 120.0, "overrun_grace_s": 60.0, "phone_silent_s": 60.0, "gps_lost_s": 90.0},
)
PLANS: Final = [DAY, replace(DAY, visits=()), replace(DAY, limits={}), replace(DAY, devices=DAY.devices[:1])]
EVENTS: Final = (reports.CheckedIn, reports.VisitStarted, reports.VisitEnded, reports.Arrived, reports.Left)
ALARM_KINDS: Final = (
    reports.PanicPressed,
    reports.DuressSignalled,
    reports.FallDetected,
    reports.TamperDetected,
)

devices = st.sampled_from(["dev_1", "dev_2", "dev_3"])
pins = st.sampled_from([None, None, "1234", "9999", "0"])


class Lane:
    """One lane's three engines, and what a store would hold."""

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.straight, self.restarted, self.batched = (engine_for(lane) for _ in range(3))
        self.waiting: list[bytes] = []
        self.expected: list[Effect] = []
        self.raised: dict[str, RaiseAlert] = {}

    def take(self, record: Record) -> list[Effect]:
        """Step two of the engines; the third one's batch grows."""
        effects = self.straight.step(record)
        assert self.restarted.step(record) == effects
        self.waiting.append(encode(record))
        self.expected += effects
        for effect in effects:
            if isinstance(effect, RaiseAlert):
                before = self.raised.setdefault(effect.id, effect)
                assert (before.kind, before.occurred_ms) == (effect.kind, effect.occurred_ms)
        return effects

    def flush(self) -> None:
        """Run the batch."""
        assert run(self.batched, self.waiting) == self.expected
        self.waiting, self.expected = [], []

    def restart(self) -> None:
        """Begin again from a checkpoint."""
        snapshot = self.restarted.snapshot()
        assert snapshot == self.straight.snapshot()
        self.restarted = engine_for(self.lane)
        self.restarted.restore(snapshot)


class Engines(RuleBasedStateMachine):
    """A nurse with two devices on a visit; the service's clock never goes back."""

    @initialize()
    def begin(self) -> None:
        self.now_s = 0
        self.said: list[Arrival] = []
        self.lanes = {lane: Lane(lane) for lane in LANES}
        self._append(DAY)
        self._append(FENCES)
        self._append(tick(0))

    def _append(self, record: Record) -> dict[str, list[Effect]]:
        if isinstance(record, Arrival):
            lanes = lanes_of(record.report)
            self.said.append(record)
        else:
            lanes = LANES
        return {lane: self.lanes[lane].take(record) for lane in lanes}

    def _say(self, report: Any, device: str) -> dict[str, list[Effect]]:
        return self._append(Arrival(device, "nur_1", "org_1", at(self.now_s), report))

    @rule(seconds=st.sampled_from([1, 5, 9, 30, 400]))
    def time_passes(self, seconds: int) -> None:
        for _ in range(seconds if seconds < 30 else 1):
            self.now_s += 1 if seconds < 30 else seconds
            self._append(tick(self.now_s))

    @rule(
        device=devices,
        north_m=st.sampled_from([0, 65, 170, 300, 720, 760, 2_500]),
        accuracy_m=st.sampled_from([None, 5.0, 60.0, 900.0]),
        behind_s=st.sampled_from([0, 0, 0, 7, 30, 400, -600]),
        pct=st.sampled_from([None, 80.0, 14.0]),
    )
    def is_seen(
        self, device: str, north_m: int, accuracy_m: float | None, behind_s: int, pct: float | None
    ) -> None:
        where = Position(HOME_LAT + north_m / METRES_PER_DEGREE, HOME_LON, accuracy_m)
        seen = reports.Fix(time_ms=at(self.now_s - behind_s), position=where, battery_pct=pct)
        effects = self._say(seen, device)[TELEMETRY]
        assert [effect for effect in effects if isinstance(effect, PlacePosition)]

    @rule(device=devices, online=st.booleans(), firmware=st.sampled_from([None, "1.0"]))
    def tells_how_it_is(self, device: str, online: bool, firmware: str | None) -> None:
        self._say(reports.StatusReported(time_ms=at(self.now_s), online=online, firmware=firmware), device)

    @rule(
        device=devices,
        kind=st.sampled_from(EVENTS),
        pin=pins,
        visit=st.sampled_from([None, "vis_1", "vis_x"]),
    )
    def does(self, device: str, kind: Any, pin: str | None, visit: str | None) -> None:
        effects = self._say(kind(time_ms=at(self.now_s), pin=pin, visit=visit), device)
        duress = [e for e in effects[ALARMS] if isinstance(e, RaiseAlert)]
        assert bool(duress) == (pin == "9999" and self.lanes[ALARMS].raised != {})

    @rule(
        device=devices,
        kind=st.sampled_from(ALARM_KINDS),
        alarm=st.sampled_from([None, "a", "b"]),
        late_s=st.sampled_from([0, 0, 3_600]),
    )
    def cries_for_help(self, device: str, kind: Any, alarm: str | None, late_s: int) -> None:
        told = kind(time_ms=at(self.now_s - late_s), alarm=alarm)
        effects = self._say(told, device)[ALARMS]
        (answer,) = [one for one in effects if isinstance(one, RaiseAlert | AlarmRepeated)]
        alert = self.lanes[ALARMS].raised[answer.id if isinstance(answer, RaiseAlert) else answer.alert]
        assert alert.device == device

    @rule(device=devices, alarm=st.sampled_from([None, "a", "b"]), pin=pins)
    def takes_back(self, device: str, alarm: str | None, pin: str | None) -> None:
        self._say(reports.AlarmCancelled(time_ms=at(self.now_s), alarm=alarm, pin=pin), device)

    @rule(data=st.data())
    def is_delivered_again(self, data: st.DataObject) -> None:
        """Ingest was killed before it acknowledged: the very same record stands in the log twice."""
        if not self.said:
            return
        again = data.draw(st.sampled_from(self.said[-5:]))
        before = {lane: set(self.lanes[lane].raised) for lane in LANES}
        self._append(again)
        for lane in lanes_of(again.report):
            if isinstance(again.report, AlarmBase) or again is self.said[-2]:
                assert set(self.lanes[lane].raised) == before[lane]

    @rule(plan=st.sampled_from(PLANS))
    def is_planned_anew(self, plan: NursePlan) -> None:
        self._append(plan)

    @rule(lane=st.sampled_from(LANES))
    def is_restarted(self, lane: str) -> None:
        self.lanes[lane].restart()

    @rule(lane=st.sampled_from(LANES))
    def takes_its_batch(self, lane: str) -> None:
        self.lanes[lane].flush()

    @invariant()
    def speaks_only_of_what_it_raised(self) -> None:
        for lane in getattr(self, "lanes", {}).values():
            for effect in lane.expected:
                if isinstance(effect, NoteAlert | CancelAlert | AlarmRepeated):
                    assert effect.alert in lane.raised

    def teardown(self) -> None:
        for lane in getattr(self, "lanes", {}).values():
            lane.flush()


TestEngines = Engines.TestCase
TestEngines.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
