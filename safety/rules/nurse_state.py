"""NurseState: all that the rules remember of one nurse, on the telemetry lane."""

import msgspec

from safety.domain.plan import NursePlan, VisitPlan
from safety.rules.check_in import CheckInState
from safety.rules.device import DeviceState
from safety.rules.moves import Moves
from safety.rules.sight import Sight
from safety.rules.visit import VisitState, awaits_arrival

LEAD_MS = 15 * 60_000
"""So long before its planned start a visit may already have her."""


class NurseState(msgspec.Struct, gc=False, array_like=True):
    """All that the rules remember of one nurse; `visits` and `check_ins` have one for each of her visits.

    `stirred`: a fix has begun something that time can complete, so that the next look may be due earlier.
    `replanned`: what the new plan makes of what is known is looked at with the next tick; `armed_ms` is when
    that is. Fields are only ever added, at the end: states are stored without their names.
    """

    plan: NursePlan
    newest: Sight | None = None
    moves: Moves = msgspec.field(default_factory=Moves)
    visits: dict[str, VisitState] = {}
    check_ins: dict[str, CheckInState] = {}
    devices: dict[str, DeviceState] = {}
    stirred: bool = False
    replanned: bool = False
    armed_ms: int | None = None
    alarmed_ms: int | None = None


def current_visit(state: NurseState, at_ms: int, lead_ms: int = LEAD_MS) -> VisitPlan | None:
    """Return the visit that is on at `at_ms`, or about to be; the earliest that has not ended."""
    for planned in state.plan.visits:
        if planned.starts_ms - lead_ms <= at_ms <= planned.ends_ms and not state.visits[planned.id].ended:
            return planned
    return None


def awaited_at(state: NurseState, at_ms: int) -> list[VisitPlan]:
    """Return the visits that are on at `at_ms`, or about to be, to which she has not come yet."""
    return [
        planned
        for planned in state.plan.visits
        if planned.starts_ms - LEAD_MS <= at_ms <= planned.ends_ms
        and not (known := state.visits[planned.id]).ended
        and awaits_arrival(known)
    ]


def until_ms(state: NurseState, visit_on: VisitPlan, at_ms: int) -> int:
    """Return until when (epoch ms) `visit_on`, the `current_visit` at `at_ms`, is that and no other comes."""
    begins_ms = [
        planned.starts_ms - LEAD_MS - 1
        for planned in state.plan.visits
        if planned.starts_ms - LEAD_MS > at_ms and not state.visits[planned.id].ended
    ]
    return min([visit_on.ends_ms, *begins_ms])
