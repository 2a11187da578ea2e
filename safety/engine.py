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
from safety.rules.calm import Calm, settle, take, wake
from safety.rules.effects import Effect
from safety.rules.look_ahead import LookAhead
from safety.rules.nurse_state import NurseState
from safety.rules.replan import replan
from safety.rules.shared_fences import SharedFences
from safety.rules.times import DEAF_MS

AFTER_FAULT_MS = 60_000
"""So long after a nurse's rules failed they are asked again."""

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
    now_ms: int
    resumed_ms: int
    nurses: dict[str, NurseState]
    calm: dict[str | None, Calm]
    orgs: dict[str, OrgPlan]
    timers: list[tuple[int, str]]


class TelemetryEngine:
    """The telemetry lane: every report, and the rules that need to see them all."""

    def __init__(self) -> None:
        self._now_ms = 0
        self._resumed_ms = 0
        # Those who are awake; the state of any other sleeps within her bounds.
        self._nurses: dict[str, NurseState] = {}
        self._calm: dict[str | None, Calm] = {}
        self._shared = SharedFences()
        # (when, nurse): each nurse's next look at the clock. An entry may be stale, never too late.
        self._timers: list[tuple[int, str]] = []
        self._faults: list[Exception] = []

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
                self._faults.append(error)
                if isinstance(record, Arrival):
                    self._calm.pop(record.nurse, None)
            while self._faults:
                failed(index, self._faults.pop(0))
        return effects

    def step(self, record: Record) -> list[Effect]:
        effects = self._step(record, LookAhead(self._shared, self._calm, [record]), 0)
        if self._faults:
            raise self._faults.pop(0)
        return effects

    def _step(self, record: Record, ahead: LookAhead, index: int) -> list[Effect]:
        if isinstance(record, Arrival):
            return self._arrive(record, ahead, index)
        if isinstance(record, Tick):
            return self._tick(record.at_ms)
        if isinstance(record, NursePlan):
            replan(self._state_of(record.nurse, record.org), record, self._now_ms)
            self._calm.pop(record.nurse, None)
            self._arm(record.nurse)
        else:
            self._shared.replan(record)
            for calm in self._calm.values():
                calm.void()
        return []

    def snapshot(self) -> bytes:
        state = _TelemetrySnapshot(
            self._now_ms, self._resumed_ms, self._nurses, self._calm, self._shared.plans, self._timers
        )
        return msgspec.msgpack.encode(state)

    def restore(self, snapshot: bytes) -> None:
        state = msgspec.msgpack.decode(snapshot, type=_TelemetrySnapshot)
        self._now_ms, self._resumed_ms = state.now_ms, state.resumed_ms
        self._nurses, self._calm, self._timers = state.nurses, state.calm, state.timers
        self._shared = SharedFences()
        for plan in state.orgs.values():
            self._shared.replan(plan)

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
        if state.stirred or state.armed_ms is None or not isinstance(arrival.report, Fix):
            state.stirred = False
            self._arm(arrival.nurse)
        self._settle(arrival.nurse, state)
        return effects

    def _tick(self, at_ms: int) -> list[Effect]:
        if self._now_ms and at_ms - self._now_ms > DEAF_MS:
            self._resumed_ms = at_ms
        self._now_ms = max(self._now_ms, at_ms)
        effects: list[Effect] = []
        due: set[str] = set()
        while self._timers and self._timers[0][0] <= self._now_ms:
            due.add(heapq.heappop(self._timers)[1])
        # In the order of their names: a heap rebuilt from a snapshot may pop in another one.
        for key in sorted(due):
            state = self._awake(key)
            try:
                if state.armed_ms is not None and state.armed_ms <= self._now_ms:
                    state.armed_ms = None
                    effects += nurse.on_tick(state, self._now_ms, self._resumed_ms)
                    self._arm(key)
                self._settle(key, state)
            except Exception as error:  # noqa: BLE001  # her rules failed: everybody else's time passes all the same
                self._faults.append(error)
                self._calm.pop(key, None)
                state.armed_ms = self._now_ms + AFTER_FAULT_MS
                heapq.heappush(self._timers, (state.armed_ms, key))
        return effects

    def _state_of(self, key: str, org: str) -> NurseState:
        if key not in self._nurses and key not in self._calm:
            self._nurses[key] = NurseState(plan=NursePlan(nurse=key, org=org))
        return self._awake(key)

    def _awake(self, key: str) -> NurseState:
        state = self._nurses.get(key)
        if state is None:
            state = self._nurses[key] = wake(self._calm[key])
        return state

    def _settle(self, key: str, state: NurseState) -> None:
        """Let her sleep, if she is calm."""
        calm = settle(state, self._shared, self._calm.pop(key, None))
        if calm is not None:
            self._calm[key] = calm
            if calm.asleep:
                del self._nurses[key]

    def _arm(self, key: str) -> None:
        state = self._nurses[key]
        wake_ms = nurse.wake_ms(state, self._now_ms, self._resumed_ms)
        if wake_ms is not None and (state.armed_ms is None or wake_ms < state.armed_ms):
            state.armed_ms = wake_ms
            heapq.heappush(self._timers, (wake_ms, key))
