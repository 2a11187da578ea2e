"""The engine: a pure, deterministic function from a lane's records to effects.

Each lane is a complete stream of its own (ADR 0003), so the same log gives the same effects whatever the
batches, restarts or interleaving. Time comes in as ticks.
"""

import heapq
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from devices.reports import Fix
from ingest.lanes import ALARMS
from ingest.records import Arrival, Tick
from safety.domain.plan import NursePlan, OrgPlan
from safety.rules import alarm, nurse, whereabouts
from safety.rules.calm import Calm, give_back, settle, take
from safety.rules.effects import Effect
from safety.rules.shared_fences import SharedFence, SharedFences
from safety.rules.sight import Sight, sight_of
from safety.rules.times import DEAF_MS

Record = Arrival | Tick | NursePlan | OrgPlan

Within = Sequence[SharedFence]
Hints = Mapping[int, Within]
"""By the index of a record in a batch: the shared fences that its position is in."""

_decoder = msgspec.msgpack.Decoder(Record)


class Engine(Protocol):
    """One lane's rules and state."""

    def look_ahead(self, records: Sequence[Record]) -> Hints:
        """Ask the geometry of a whole batch at once; changes nothing, and may leave records out."""

    def step(self, record: Record, within: Within | None = None) -> list[Effect]:
        """Take in one record of the lane, with what `look_ahead` said of it."""

    def snapshot(self) -> bytes:
        """Return the whole state."""

    def restore(self, snapshot: bytes) -> None:
        """Take over a state that `snapshot` returned."""


def decode(value: bytes) -> Record:
    """Return the record in a log entry.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    record: Record = _decoder.decode(value)
    return record


def run(engine: Engine, values: Sequence[bytes]) -> list[Effect]:
    """Run a batch of log entries through `engine`; the effects stand in the order of their causes."""
    records = [decode(value) for value in values]
    hints = engine.look_ahead(records)
    effects: list[Effect] = []
    for index, record in enumerate(records):
        effects += engine.step(record, hints.get(index))
    return effects


def engine_for(lane: str) -> Engine:
    """Return a fresh engine for `lane`."""
    return AlarmEngine() if lane == ALARMS else TelemetryEngine()


class _AlarmSnapshot(msgspec.Struct):
    plans: dict[str, NursePlan]
    alarms: dict[str, alarm.AlarmState]


class AlarmEngine:
    """The alarm lane: what people pressed, and nothing that could hold it up."""

    def __init__(self) -> None:
        self._plans: dict[str, NursePlan] = {}
        self._alarms: dict[str, alarm.AlarmState] = {}

    def look_ahead(self, records: Sequence[Record]) -> Hints:
        return {}

    def step(self, record: Record, within: Within | None = None) -> list[Effect]:
        if isinstance(record, Arrival):
            state = self._alarms.get(record.key)
            if state is None:
                state = self._alarms[record.key] = alarm.AlarmState()
            return alarm.step(state, record, self._plans.get(record.key))
        if isinstance(record, NursePlan):
            self._plans[record.nurse] = record
        return []

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode(_AlarmSnapshot(self._plans, self._alarms))

    def restore(self, snapshot: bytes) -> None:
        state = msgspec.msgpack.decode(snapshot, type=_AlarmSnapshot)
        self._plans, self._alarms = state.plans, state.alarms


class _TelemetrySnapshot(msgspec.Struct):
    """`armed` is None in a snapshot of an older version."""

    now_ms: int
    resumed_ms: int
    nurses: dict[str, nurse.NurseState]
    orgs: dict[str, OrgPlan]
    armed: dict[str, int] | None = None


class TelemetryEngine:
    """The telemetry lane: every report, and the rules that need to see them all."""

    def __init__(self) -> None:
        self._now_ms = 0
        self._resumed_ms = 0
        self._nurses: dict[str, nurse.NurseState] = {}
        self._shared = SharedFences()
        # (when, nurse): each nurse's next look at the clock. An entry may be stale, never too late.
        self._timers: list[tuple[int, str]] = []
        self._armed: dict[str, int] = {}
        self._calm: dict[str, Calm] = {}

    def look_ahead(self, records: Sequence[Record]) -> Hints:
        if not self._shared:
            return {}
        places: list[int] = []
        sights: list[Sight] = []
        for index, record in enumerate(records):
            if isinstance(record, OrgPlan):
                break  # what comes after it must see other fences
            if isinstance(record, Arrival) and record.nurse is not None:
                position = getattr(record.report, "position", None)
                calm = self._calm.get(record.nurse)
                if position is None or (calm is not None and calm.holds(position.lat, position.lon)):
                    continue
                sight = sight_of(record, record.nurse)
                if sight is not None:
                    places.append(index)
                    sights.append(sight)
        found = self._shared.inside(sights) if sights else {}
        return {place: found.get(number, []) for number, place in enumerate(places)}

    def step(self, record: Record, within: Within | None = None) -> list[Effect]:
        if isinstance(record, Arrival):
            return self._arrive(record, within)
        if isinstance(record, Tick):
            return self._tick(record.at_ms)
        if isinstance(record, NursePlan):
            nurse.replan(self._state_of(record.nurse, record.org), record, self._now_ms)
            self._calm.pop(record.nurse, None)
            self._arm(record.nurse)
        else:
            self._shared.replan(record)
            self._give_back()
            self._calm.clear()
        return []

    def snapshot(self) -> bytes:
        self._give_back()
        state = _TelemetrySnapshot(
            self._now_ms, self._resumed_ms, self._nurses, self._shared.plans, self._armed
        )
        return msgspec.msgpack.encode(state)

    def restore(self, snapshot: bytes) -> None:
        state = msgspec.msgpack.decode(snapshot, type=_TelemetrySnapshot)
        self._now_ms, self._resumed_ms, self._nurses = state.now_ms, state.resumed_ms, state.nurses
        for plan in state.orgs.values():
            self._shared.replan(plan)
        self._calm = {}
        self._timers, self._armed = [], {}
        if state.armed is not None:
            self._armed = state.armed
            self._timers = sorted((when_ms, key) for key, when_ms in state.armed.items())
            return
        for key, known in self._nurses.items():
            nurse.complete(known, self._now_ms)
            self._arm(key)

    def _arrive(self, arrival: Arrival, within: Within | None) -> list[Effect]:
        if arrival.nurse is None:
            return [whereabouts.hear(arrival)]
        calm = self._calm.get(arrival.nurse)
        if calm is not None and (placed := take(calm, arrival)) is not None:
            return [placed]
        state = self._state_of(arrival.nurse, arrival.org)
        if within is None:
            within = self.look_ahead([arrival]).get(0, [])
        effects = nurse.step(state, arrival, self._shared, within)
        # A timer that is set may be early, never late: only what stirs her rules can make it so.
        if state.stirred or arrival.nurse not in self._armed or not isinstance(arrival.report, Fix):
            state.stirred = False
            self._arm(arrival.nurse)
        self._settle(arrival.nurse, state)
        return effects

    def _tick(self, at_ms: int) -> list[Effect]:
        if self._now_ms and at_ms - self._now_ms > DEAF_MS:
            self._resumed_ms = at_ms
        self._now_ms = max(self._now_ms, at_ms)
        effects: list[Effect] = []
        due: list[str] = []
        while self._timers and self._timers[0][0] <= self._now_ms:
            when_ms, key = heapq.heappop(self._timers)
            if self._armed.get(key) == when_ms:
                del self._armed[key]
                due.append(key)
        # In the order of their names: a heap rebuilt from a snapshot may pop in another one.
        for key in sorted(due):
            state = self._looked_at(key)
            ticked = nurse.on_tick(state, self._now_ms, self._resumed_ms)
            if ticked:
                self._settle(key, state)
                effects += ticked
            self._arm(key)
        return effects

    def _settle(self, key: str, state: nurse.NurseState) -> None:
        calm = settle(state, self._shared, self._calm.get(key))
        if calm is not None:
            self._calm[key] = calm
        else:
            self._calm.pop(key, None)

    def _state_of(self, key: str, org: str) -> nurse.NurseState:
        if key not in self._nurses:
            self._nurses[key] = nurse.NurseState(plan=NursePlan(nurse=key, org=org))
        return self._looked_at(key)

    def _looked_at(self, key: str) -> nurse.NurseState:
        calm = self._calm.get(key)
        if calm is not None:
            give_back(calm)
        return self._nurses[key]

    def _give_back(self) -> None:
        for calm in self._calm.values():
            give_back(calm)

    def _arm(self, key: str) -> None:
        wake_ms = nurse.wake_ms(self._nurses[key], self._now_ms, self._resumed_ms)
        armed_ms = self._armed.get(key)
        if wake_ms is not None and (armed_ms is None or wake_ms < armed_ms):
            self._armed[key] = wake_ms
            heapq.heappush(self._timers, (wake_ms, key))
