"""Visit: whether she came to the address, came to the right one, and was out of there in time.

Any fix inside the circle is an arrival, and so is her word, unless a fix says that she is elsewhere. A visit
is over when she says so, or when she is seen elsewhere after its planned end.
"""

from typing import Literal

import msgspec

from devices import reports
from devices.identity import derived_id
from devices.reports import Position
from ingest.records import Arrival
from safety.domain.alert import TimelineWord
from safety.domain.fence import Circle
from safety.domain.limits import Limits
from safety.domain.plan import NursePlan, VisitPlan
from safety.rules.effects import Effect, NoteAlert, RaiseAlert, Severity
from safety.rules.limits import limits_of, ms
from safety.rules.sight import Sight
from safety.rules.times import RESUME_MS, plausible_ms

How = Literal["not_arrived", "past_end", "wrong_address"]

RECORD_AFTER_MS = 3_600_000
"""A visit that is entered so long after its end is a record, not a plan: nobody is overdue in it."""

AWAY_FIXES = 2
"""So many fixes in a row say that she has gone: a lone one may be a jump."""

UNKNOWN_ACCURACY_M = 50.0

_SEVERITY: dict[How, Severity] = {"not_arrived": "warning", "wrong_address": "warning", "past_end": "high"}


class VisitState(msgspec.Struct, gc=False, array_like=True):
    """One visit (epoch ms). `ended`: she said so, in `end_event`; `gone`: or was seen elsewhere after it.

    `left_ms`: when that was, by her word or sight; `again_ms`: since when it is on again, or she is awaited
    anew.
    """

    known_ms: int = 0
    arrived_ms: int | None = None
    ended: bool = False
    gone: bool = False
    end_event: str | None = None
    end_ms: int = 0
    away_fixes: int = 0
    alerts: dict[How, str] = {}
    left_ms: int = 0
    again_ms: int = 0


def step(
    state: VisitState, arrival: Arrival, visit: VisitPlan, plan: NursePlan, newest: Sight | None
) -> list[Effect]:
    """Take in what she did; `newest` is where she was seen last."""
    report = arrival.report
    if isinstance(report, reports.VisitEnded | reports.Left):
        if isinstance(report, reports.VisitEnded):
            state.ended = True
            state.end_event, state.end_ms = arrival.event_id, arrival.received_ms
        return go(state, arrival)
    if not isinstance(report, reports.Arrived | reports.VisitStarted):
        return []
    if state.ended or report.visit is not None:  # what names no visit may mean another one than she has left
        _resume(state, arrival)
    limits = limits_of(plan, visit)
    seen = seen_at(arrival, newest, limits)
    if seen is None or not is_elsewhere(seen, visit, limits):
        return _arrived(state, ("not_arrived",), arrival.received_ms, arrival.event_id)
    if "wrong_address" in state.alerts:
        return []
    return [_wrong_address(state, arrival, visit, plan, seen)]


def go(state: VisitState, arrival: Arrival) -> list[Effect]:
    """Take in an event that says that she has left: the visit's end, or the start of another one."""
    state.gone, state.left_ms = True, _said_ms(arrival)
    return _close_at(state, tuple(state.alerts), arrival.received_ms, arrival.event_id, "ended")


def _resume(state: VisitState, arrival: Arrival) -> None:
    """Take in that she says she is there: if she has left, she came back, or had not meant it."""
    if state.gone and _said_ms(arrival) > state.left_ms:
        state.again_ms = arrival.received_ms
        state.ended = state.gone = False


def awaits_arrival(state: VisitState) -> bool:
    """Tell whether a fix at the address would be news."""
    return state.arrived_ms is None or "wrong_address" in state.alerts


def is_at(visit: VisitPlan, position: Position) -> bool:
    """Tell whether a position is in the visit's circle."""
    return _beyond_m(visit, position)[0] <= 0


def is_away(visit: VisitPlan, position: Position) -> bool:
    """Tell whether a position is outside of the visit's circle by more than its accuracy."""
    beyond_m, accuracy_m = _beyond_m(visit, position)
    return beyond_m - accuracy_m > 0


def see(state: VisitState, sight: Sight, visit: VisitPlan) -> list[Effect]:
    """Take in a fix of the visit's time, or of the time after it, while it `awaits_arrival`."""
    if not is_at(visit, sight.position):
        return []
    return _arrived(state, ("not_arrived", "wrong_address"), sight.received_ms, sight.event)


def see_after(state: VisitState, sight: Sight, visit: VisitPlan) -> list[Effect]:
    """Take in a fix, newer than all before, taken after the planned end of a visit that is not over."""
    if state.gone:
        return []
    if not is_away(visit, sight.position):
        state.away_fixes = 0
        return see(state, sight, visit) if awaits_arrival(state) else []
    state.away_fixes += 1
    if state.away_fixes < AWAY_FIXES:
        return []
    state.gone, state.left_ms = True, sight.time_ms
    return _close_at(state, ("past_end",), sight.received_ms, sight.event, "left")


def on_tick(
    state: VisitState, visit: VisitPlan, plan: NursePlan, now_ms: int, resumed_ms: int
) -> list[Effect]:
    """Let time pass: raise what is due."""
    state.known_ms = state.known_ms or now_ms
    effects: list[Effect] = []
    for how, due_ms in _due(state, visit, limits_of(plan, visit), resumed_ms):
        if now_ms >= due_ms:
            effects.append(_overdue(state, how, visit, plan, now_ms))
    return effects


def wake_ms(state: VisitState, visit: VisitPlan, limits: Limits, resumed_ms: int) -> int | None:
    """Return when something of the visit is due next; None if nothing is.

    A visit planned before the first tick of all is known from that on.
    """
    if not state.known_ms:
        return 0
    return min((due_ms for _, due_ms in _due(state, visit, limits, resumed_ms)), default=None)


def is_anew(state: VisitState, before: VisitPlan, visit: VisitPlan) -> bool:
    """Tell whether she has left what was planned `before`, and the visit now begins after that."""
    return state.gone and before.starts_ms != visit.starts_ms and visit.starts_ms > state.left_ms


def anew(state: VisitState, now_ms: int) -> VisitState:
    """Return what is known of a visit that is anew: only which end is that of before."""
    return VisitState(known_ms=now_ms, end_event=state.end_event, end_ms=state.end_ms, left_ms=state.left_ms)


def forget_arrival(state: VisitState, now_ms: int) -> None:
    """Await her anew: she came to another place, or for another time."""
    state.arrived_ms, state.again_ms = None, now_ms


def replan(state: VisitState, before: VisitPlan, visit: VisitPlan) -> None:
    """Take over what changed since the plan `before`: other times are another question."""
    if before.starts_ms != visit.starts_ms:
        state.alerts.pop("not_arrived", None)
    if before.ends_ms != visit.ends_ms:
        state.alerts.pop("past_end", None)
        state.gone = state.ended
        state.away_fixes = 0


def _due(state: VisitState, visit: VisitPlan, limits: Limits, resumed_ms: int) -> list[tuple[How, int]]:
    if state.ended or visit.ends_ms < state.known_ms - RECORD_AFTER_MS:
        return []
    due: list[tuple[How, int]] = []
    # What she said while the service was away is still coming in.
    heard_ms = resumed_ms + RESUME_MS if resumed_ms else 0
    if state.arrived_ms is None and not {"not_arrived", "wrong_address"} & state.alerts.keys():
        awaited_ms = max(visit.starts_ms, state.known_ms, state.again_ms)
        if awaited_ms < visit.ends_ms:
            due.append(("not_arrived", max(awaited_ms + ms(limits.arrival_grace_s), heard_ms)))
    if not state.gone and "past_end" not in state.alerts:
        over_ms = max(visit.ends_ms, state.again_ms) + ms(limits.overrun_grace_s)
        due.append(("past_end", max(over_ms, heard_ms)))
    return due


def _overdue(state: VisitState, how: How, visit: VisitPlan, plan: NursePlan, now_ms: int) -> RaiseAlert:
    limits = limits_of(plan, visit)
    planned_ms, grace_s = (
        (visit.starts_ms, limits.arrival_grace_s)
        if how == "not_arrived"
        else (visit.ends_ms, limits.overrun_grace_s)
    )
    again = f"/{state.again_ms}" if state.again_ms else ""
    cause = f"{visit.id}/{how}/{planned_ms}{again}"
    state.alerts[how] = derived_id("overdue_visit", plan.nurse, cause)
    return RaiseAlert(
        id=state.alerts[how],
        kind="overdue_visit",
        severity=_SEVERITY[how],
        org=plan.org,
        nurse=plan.nurse,
        device=None,
        visit=visit.id,
        occurred_ms=planned_ms,
        received_ms=now_ms,
        source_event=cause,
        why={
            "rule": "overdue_visit",
            "how": how,
            "planned_ms": planned_ms,
            "grace_s": grace_s,
            "after_s": (now_ms - planned_ms) / 1000,
            "arrived_ms": state.arrived_ms,
            "risk": visit.risk,
        },
    )


def _wrong_address(
    state: VisitState, arrival: Arrival, visit: VisitPlan, plan: NursePlan, position: Position
) -> RaiseAlert:
    beyond_m, accuracy_m = _beyond_m(visit, position)
    state.alerts["wrong_address"] = derived_id("overdue_visit", plan.nurse, visit.id, arrival.event_id)
    return RaiseAlert(
        id=state.alerts["wrong_address"],
        kind="overdue_visit",
        severity=_SEVERITY["wrong_address"],
        org=plan.org,
        nurse=plan.nurse,
        device=arrival.device,
        visit=visit.id,
        occurred_ms=_said_ms(arrival),
        received_ms=arrival.received_ms,
        source_event=arrival.event_id,
        position=position,
        why={
            "rule": "overdue_visit",
            "how": "wrong_address",
            "distance_m": round(beyond_m + visit.radius_m, 1),
            "radius_m": visit.radius_m,
            "accuracy_m": round(accuracy_m, 1),
            "margin_m": limits_of(plan, visit).address_margin_m,
            "said": arrival.report.name,
        },
    )


def _said_ms(arrival: Arrival) -> int:
    return plausible_ms(arrival.report.time_ms, arrival.received_ms)[0]


def is_elsewhere(position: Position, visit: VisitPlan, limits: Limits) -> bool:
    """Tell whether who says that she is at the visit is not, by her position."""
    beyond_m, accuracy_m = _beyond_m(visit, position)
    return beyond_m - accuracy_m > limits.address_margin_m


def _arrived(state: VisitState, hows: tuple[How, ...], at_ms: int, event: str) -> list[Effect]:
    if state.arrived_ms is None:
        state.arrived_ms = at_ms
    return _close_at(state, hows, at_ms, event, "arrived")


def _close_at(
    state: VisitState, hows: tuple[How, ...], at_ms: int, event: str, what: TimelineWord
) -> list[Effect]:
    """Note on the open alerts how they ended. People close them; another one can come after them."""
    alerts = [alert for how in hows if (alert := state.alerts.pop(how, None)) is not None]
    return [
        NoteAlert(id=derived_id(what, alert, event), alert=alert, at_ms=at_ms, what=what) for alert in alerts
    ]


def seen_at(arrival: Arrival, newest: Sight | None, limits: Limits) -> Position | None:
    """Return where she was when she said it: the position with it, or a fix that is young enough."""
    report = arrival.report
    if isinstance(report, reports.EventBase) and report.position is not None:
        return report.position
    if newest is None or abs(report.time_ms - newest.time_ms) > ms(limits.address_fix_age_s):
        return None
    return newest.position


def _beyond_m(visit: VisitPlan, position: Position) -> tuple[float, float]:
    """Return how far beyond the visit's circle a position is (negative: inside), and its accuracy, metres."""
    accuracy_m = position.accuracy_m if position.accuracy_m is not None else UNKNOWN_ACCURACY_M
    circle = Circle(visit.lat, visit.lon, visit.radius_m)
    return circle.outside_by_m(position.lat, position.lon), accuracy_m
