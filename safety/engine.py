"""The engine: a pure, deterministic function from a lane's records to effects.

Each lane is a complete stream of its own (ADR 0003), so the same log gives the same effects whatever the
batches, restarts or interleaving. Time comes in as ticks.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from devices.reports import Fix, RecordBase
from ingest.lanes import ALARMS
from ingest.records import Arrival, Tick
from safety.domain.plan import NursePlan, OrgPlan
from safety.rules import alarm, nurse, whereabouts, work_record
from safety.rules.calm import Calm, give_back, settle, take
from safety.rules.effects import Effect
from safety.rules.look_ahead import LookAhead
from safety.rules.shared_fences import SharedFences
from safety.rules.times import DEAF_MS

Record = Arrival | Tick | NursePlan | OrgPlan

Failed = Callable[[int, Exception], None]
"""Is told the index of a record that no rule could take, and why."""

decode = msgspec.msgpack.Decoder(Record).decode
"""Return the record in a log entry; raises msgspec.MsgspecError if it is none."""


class Engine(Protocol):
    """One lane's rules and state."""

    def run(self, records: Sequence[Record], failed: Failed) -> list[Effect]:
        """Take in a batch; the effects stand in the order of their causes. What fails costs only itself."""

    def step(self, record: Record) -> list[Effect]:
        """Take in one record of the lane."""

    def snapshot(self) -> bytes:
        """Return the whole state."""

    def restore(self, snapshot: bytes) -> None:
        """Take over a state that `snapshot` returned."""


def run(engine: Engine, values: Sequence[bytes]) -> list[Effect]:
    """Run a batch of log entries through `engine`; what fails is raised."""

    def failed(_index: int, error: Exception) -> None:
        raise error

    return engine.run([decode(value) for value in values], failed)


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

    def run(self, records: Sequence[Record], failed: Failed) -> list[Effect]:
        effects: list[Effect] = []
        for index, record in enumerate(records):
            try:
                effects += self.step(record)
            except Exception as error:  # noqa: BLE001  # one bad record must not silence every alarm behind it
                failed(index, error)
        return effects

    def step(self, record: Record) -> list[Effect]:
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
        self._calm: dict[str | None, Calm] = {}

    def run(self, records: Sequence[Record], failed: Failed) -> list[Effect]:
        effects: list[Effect] = []
        calm_of, ahead = self._calm.get, LookAhead(self._shared, self._calm, records)
        for index, record in enumerate(records):
            try:
                if (
                    type(record) is Arrival
                    and (calm := calm_of(record.nurse)) is not None
                    and (placed := take(calm, record)) is not None
                ):
                    effects.append(placed)
                else:
                    effects += self._step(record, ahead, index)
            except Exception as error:  # noqa: BLE001  # one bad record must not silence everybody else's
                failed(index, error)
        return effects

    def step(self, record: Record) -> list[Effect]:
        return self._step(record, LookAhead(self._shared, self._calm, [record]), 0)

    def _step(self, record: Record, ahead: LookAhead, index: int) -> list[Effect]:
        if isinstance(record, Arrival):
            return self._arrive(record, ahead, index)
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

    def _arrive(self, arrival: Arrival, ahead: LookAhead, index: int) -> list[Effect]:
        if arrival.nurse is None:
            heard = whereabouts.hear(arrival)
            if isinstance(arrival.report, RecordBase):
                return [heard, work_record.keep(arrival, arrival.report, None)]
            return [heard]
        calm = self._calm.get(arrival.nurse)
        if calm is not None and (placed := take(calm, arrival)) is not None:
            return [placed]
        state = self._state_of(arrival.nurse, arrival.org)
        effects = nurse.step(state, arrival, self._shared, ahead.within(arrival, index))
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
