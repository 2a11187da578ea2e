"""Nurse: the order in which the rules look at one nurse, on the telemetry lane."""

from collections.abc import Sequence

from devices import reports
from ingest.records import Arrival
from safety.domain.plan import VisitPlan
from safety.rules import (
    check_in,
    gaps,
    health,
    leave,
    moves,
    recording,
    silence,
    visit,
    whereabouts,
    work_record,
)
from safety.rules.effects import Effect, PlacePosition
from safety.rules.limits import limits_of
from safety.rules.meant import meant_by
from safety.rules.nurse_state import LEAD_MS, NurseState, awaited_at, current_visit
from safety.rules.phases import Phase, phase_at, phases
from safety.rules.shared_fences import SharedFence, SharedFences
from safety.rules.sight import Sight, sight_of

ALARM_TRACK_MS = 60 * 60_000
"""So long after her last alarm her way is kept, though no visit is on."""


def step(
    state: NurseState, arrival: Arrival, shared: SharedFences, within: Sequence[SharedFence]
) -> list[Effect]:
    """Take in one report of hers; `within` are the shared fences that her position is in."""
    known = state.devices.get(arrival.device)
    sight = sight_of(arrival, state.plan.nurse, known.bound_ms if known is not None else 0)
    effects: list[Effect] = [whereabouts.hear(arrival)] if sight is None else []
    if known is not None:
        heard = silence.step(known, arrival, state.plan)
        if heard or known.back_ms == arrival.received_ms:
            effects += heard
            state.stirred = True
        if arrival.report.seq == known.seq + 1:
            known.seq, known.seq_ms = arrival.report.seq, arrival.report.time_ms
        elif gaps.step(known, arrival):
            state.stirred = True
        if health.is_news(known, arrival):
            phase = phase_at(_coming(state, arrival.received_ms), arrival.received_ms)
            effects += health.step(known, arrival, state.plan, phase)
            state.stirred = True
    if isinstance(arrival.report, reports.AlarmBase):
        state.alarmed_ms = arrival.received_ms
    elif isinstance(arrival.report, reports.EventBase):
        effects += _happen(state, arrival)
    elif isinstance(arrival.report, reports.RecordBase):
        effects.append(work_record.keep(arrival, arrival.report, state.plan))
        if known is not None:
            effects += recording.step(state.devices, arrival)
    if sight is not None:
        battery_pct = arrival.report.battery_pct if isinstance(arrival.report, reports.Fix) else None
        effects += _move(state, sight, battery_pct, shared, within)
    return effects


def on_tick(state: NurseState, now_ms: int, resumed_ms: int) -> list[Effect]:
    """Let time pass for her. `resumed_ms`: since when the service hears again, after a time it did not."""
    effects: list[Effect] = []
    plan = state.plan
    state.replanned = False
    for planned in plan.visits:
        known = state.visits[planned.id]
        if not known.ended:
            timer = state.check_ins[planned.id]
            effects += check_in.on_tick(timer, planned, plan, now_ms, resumed_ms)
            effects += visit.on_tick(known, planned, plan, now_ms, resumed_ms)
    if state.newest is not None:
        seen_on = current_visit(state, state.newest.time_ms)
        effects += moves.on_tick(state.moves, state.newest, now_ms, seen_on.id if seen_on else None)
    phase = phase_at(_coming(state, now_ms), now_ms)
    if phase is not None:
        for id, device in state.devices.items():
            effects += silence.on_tick(device, id, phase, plan, state.newest, now_ms, resumed_ms)
            effects += gaps.on_tick(device, id, phase, now_ms)
        effects += health.on_tick(state.devices, phase, plan, now_ms, resumed_ms)
        began_ms = _began_ms(state, phase.visit)
        effects += recording.on_tick(state.devices, phase, began_ms, plan, now_ms, resumed_ms)
    return effects


def wake_ms(state: NurseState, now_ms: int, resumed_ms: int) -> int | None:
    """Return when `on_tick` can next matter; None if nothing is awaited."""
    if state.replanned:
        return now_ms + 1
    times = [moves.wake_ms(state.moves)]
    for planned in state.plan.visits:
        known = state.visits[planned.id]
        if not known.ended:
            limits = limits_of(state.plan, planned)
            times.append(check_in.wake_ms(state.check_ins[planned.id], planned, limits, resumed_ms))
            times.append(visit.wake_ms(known, planned, limits, resumed_ms))
    for phase in _coming(state, now_ms):
        if phase.since_ms > now_ms:
            times.append(phase.since_ms)  # what is wrong with a device is told from then on
        times.append(health.wake_ms(state.devices, phase, resumed_ms))
        began_ms = _began_ms(state, phase.visit)
        times.append(recording.wake_ms(state.devices, phase, began_ms, resumed_ms))
        times += [silence.wake_ms(device, phase, resumed_ms) for device in state.devices.values()]
        times += [gaps.wake_ms(device, phase) for device in state.devices.values()]
    awaited = [time for time in times if time is not None]
    return max(min(awaited), now_ms + 1) if awaited else None


def _began_ms(state: NurseState, planned: VisitPlan) -> int | None:
    """Return since when she is at a visit; as planned where nothing tells, None while she is elsewhere."""
    known = state.visits[planned.id]
    lead_ms = planned.starts_ms - LEAD_MS
    if known.arrived_ms is None and state.newest is not None and state.newest.time_ms >= lead_ms:
        return None
    return (
        None if known.gone else max(planned.starts_ms, known.known_ms, known.arrived_ms or 0, known.again_ms)
    )


def _coming(state: NurseState, now_ms: int) -> list[Phase]:
    ended = {id for id, known in state.visits.items() if known.ended}
    return list(phases(state.plan, ended, now_ms))


def _happen(state: NurseState, arrival: Arrival) -> list[Effect]:
    """Take in what she did: a sign of her counts for every visit, an arrival or end for the one she means."""
    report = arrival.report
    meant = meant_by(state, arrival)
    effects: list[Effect] = []
    for planned in state.plan.visits:
        if planned is meant or (isinstance(report, reports.CheckedIn) and report.visit is None):
            effects += check_in.step(state.check_ins[planned.id], arrival, planned, state.plan)
    if meant is not None:
        known = state.visits[meant.id]
        was_over = known.ended
        effects += visit.step(known, arrival, meant, state.plan, state.newest)
        if known.ended:
            moves.end(state.moves, meant.id)
        elif was_over:
            state.check_ins[meant.id] = check_in.start(meant, check_in.said_ms(arrival))
        if isinstance(report, reports.Arrived | reports.VisitStarted):
            effects += leave.others(state, arrival, meant)
    return effects


def _move(
    state: NurseState,
    sight: Sight,
    battery_pct: float | None,
    shared: SharedFences,
    within: Sequence[SharedFence],
) -> list[Effect]:
    """Take in where she is. A fix older than the newest one tells where she was, and nothing of now."""
    newest = state.newest is None or sight.time_ms > state.newest.time_ms
    visit_on = current_visit(state, sight.time_ms)
    alarmed = (
        visit_on is None
        and state.alarmed_ms is not None
        and sight.received_ms - state.alarmed_ms <= ALARM_TRACK_MS
    )
    placed = PlacePosition(sight, visit_on.id if visit_on else None, newest, battery_pct, alarmed)
    if not newest:
        if visit_on is not None:
            moves.look_back(state.moves, sight, visit_on, shared)
        return [placed, *_see(state, sight)]
    before, state.newest = state.newest, sight
    if visit_on is None:
        return [placed, *_see_after(state, sight)]
    effects = [placed, *moves.step(state.moves, sight, visit_on, shared, within, before)]
    if visit.awaits_arrival(state.visits[visit_on.id]):
        effects += _see_after(state, sight)
    effects += _see(state, sight)
    if moves.is_crossing(state.moves):
        state.stirred = True
    return effects


def _see(state: NurseState, sight: Sight) -> list[Effect]:
    """Take in where she was seen, now or before: at an address it is an arrival for each visit there."""
    effects: list[Effect] = []
    for planned in awaited_at(state, sight.time_ms):
        known = state.visits[planned.id]
        effects += visit.see(known, sight, planned)
        state.stirred = state.stirred or known.arrived_ms == sight.received_ms
    return effects


def _see_after(state: NurseState, sight: Sight) -> list[Effect]:
    """Take in where she is on the way to a visit or home: whoever is seen elsewhere has left the last one."""
    effects: list[Effect] = []
    for planned in state.plan.visits:
        known = state.visits[planned.id]
        if planned.ends_ms < sight.time_ms and not known.ended:
            effects += visit.see_after(known, sight, planned)
    return effects
