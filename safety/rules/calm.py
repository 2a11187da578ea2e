"""Calm: the bounds within which a nurse's fixes change nothing but where she was last seen.

Nearly every fix comes from a nurse who is where she should be. The bounds are worked out once from the
rules' state and the fences, and hold until she leaves them or anything else happens to her. They only save
work: whatever they leave out goes through the rules one by one, and so would each fix that they take, with
the same outcome.
"""

import math
from dataclasses import dataclass

from devices.reports import Fix
from ingest.records import Arrival
from safety.domain.fence_limits import STANDARD
from safety.domain.local_metres import apart_m, metres_per_degree
from safety.domain.plan import VisitPlan
from safety.rules import moves, nurse, visit
from safety.rules.device import DeviceState
from safety.rules.effects import PlacePosition
from safety.rules.geofence import USABLE_ACCURACY_M, FenceState
from safety.rules.health import SKEW_MS
from safety.rules.jumps import NEAR_DEG
from safety.rules.nurse import NurseState
from safety.rules.shared_fences import SharedFences
from safety.rules.sight import Sight
from safety.rules.silence import PAUSE_MS

_MOST_DEG = 0.49 * NEAR_DEG
"""So far at most from the middle of the bounds to their edge: no two fixes in them can be a jump."""

_LEAST_DEG = 0.000_05
"""In less than some 5 m no fix stays."""

_AGAIN_MS = 30_000
"""So long after there was no room it is not looked for again."""

_FARTHEST_LAT, _FARTHEST_LON = 85.0, 179.9


@dataclass(slots=True)
class Calm:
    """One nurse's bounds: a box in degrees, a span of time (epoch ms), what her device goes on saying.

    What was taken is in `newest` and `seq` alone until `give_back`. Without a box (the default) none is
    looked for before `again_ms`.
    """

    state: NurseState
    heard: DeviceState
    place: FenceState
    newest: Sight
    seq: int
    device: str
    visit: str
    until_ms: int
    battery_pct: float | None
    accuracy_m: float = 0.0
    south: float = 91.0
    north: float = -91.0
    west: float = 0.0
    east: float = 0.0
    again_ms: int = 0

    def serves(self, newest: Sight) -> bool:
        """Tell whether the box is hers as well when she was last seen there; none serves until `again_ms`."""
        if self.south > self.north:
            return newest.time_ms < self.again_ms
        return self.holds(newest.position.lat, newest.position.lon)

    def holds(self, lat: float, lon: float) -> bool:
        """Tell whether a position is in the box: the same shared fences hold it as the last one."""
        return self.south <= lat <= self.north and self.west <= lon <= self.east


def take(calm: Calm, arrival: Arrival) -> PlacePosition | None:
    """Take in a report if it is a fix within the bounds; otherwise change nothing, and return None."""
    report = arrival.report
    if type(report) is not Fix:
        return None
    position, received_ms, told_ms, seq = report.position, arrival.received_ms, report.time_ms, report.seq
    time_ms = told_ms if position.time_ms is None else position.time_ms
    if time_ms > received_ms:
        time_ms = received_ms
    newest, accuracy_m, battery_pct = calm.newest, position.accuracy_m, report.battery_pct
    if (
        not calm.south <= position.lat <= calm.north
        or not calm.west <= position.lon <= calm.east
        or accuracy_m is None
        or accuracy_m > calm.accuracy_m
        or not newest.time_ms < time_ms <= calm.until_ms
        or not -SKEW_MS <= told_ms - received_ms <= SKEW_MS
        or not 0 <= received_ms - newest.received_ms <= PAUSE_MS
        or (battery_pct != calm.battery_pct and battery_pct is not None)
        or (seq != calm.seq + 1 if seq is not None else calm.seq >= 0)
        or arrival.device != calm.device
    ):
        return None
    if seq is not None:
        calm.seq = seq
    calm.newest = newest = Sight(
        position, time_ms, received_ms, newest.nurse, newest.org, newest.device, "fix", seq, told_ms
    )
    return PlacePosition(newest, calm.visit, True, battery_pct)


def give_back(calm: Calm) -> None:
    """Write what was taken into her state: before anything else looks at it, or changes it."""
    newest, heard = calm.newest, calm.heard
    if newest is calm.state.newest:
        return
    heard.heard_ms = heard.gps_ms = newest.received_ms
    if newest.seq is not None:
        heard.seq, heard.seq_ms = newest.seq, newest.told_ms
    calm.place.here_ms = newest.time_ms
    calm.state.newest = newest


def settle(state: NurseState, shared: SharedFences, before: Calm | None) -> Calm | None:
    """Return the bounds that hold for her now, None if there are none; `before` were the last ones."""
    newest = state.newest
    if newest is None:
        return None
    heard, visit_on = state.devices.get(newest.device), nurse.current_visit(state, newest.time_ms)
    if heard is None or visit_on is None or not _is_well(heard, newest):
        return None
    if newest.org != state.plan.org or not _is_settled(state, visit_on, shared):
        return None
    calm = Calm(
        state,
        heard,
        state.moves.visits[visit_on.id],
        newest,
        heard.seq,
        newest.device,
        visit_on.id,
        nurse.until_ms(state, visit_on, newest.time_ms),
        heard.battery.pct if heard.battery is not None else None,
    )
    _bound(calm, newest, visit_on, shared, before)
    return calm


def _bound(calm: Calm, newest: Sight, visit_on: VisitPlan, shared: SharedFences, before: Calm | None) -> None:
    """Give `calm` its box: the one `before`, if she is still in that, or one around her."""
    if before is not None and before.visit == calm.visit and before.serves(newest):
        calm.south, calm.north = before.south, before.north
        calm.west, calm.east = before.west, before.east
        calm.accuracy_m, calm.again_ms = before.accuracy_m, before.again_ms
        return
    calm.again_ms = newest.time_ms + _AGAIN_MS
    at = newest.position
    # Around the address, if she is there, fixes stray less far from the middle than around one of them.
    for lat, lon in ((visit_on.lat, visit_on.lon), (at.lat, at.lon)):
        room_deg, accuracy_m = _room(lat, lon, calm.state, visit_on, shared)
        if room_deg > 0.0 and abs(at.lat - lat) <= room_deg and abs(at.lon - lon) <= room_deg:
            calm.south, calm.north = lat - room_deg, lat + room_deg
            calm.west, calm.east = lon - room_deg, lon + room_deg
            calm.accuracy_m = accuracy_m
            return


def _is_well(heard: DeviceState, newest: Sight) -> bool:
    """Tell whether the newest fix is the last that her device said, and nothing it goes on saying is news."""
    return (
        heard.heard_ms == newest.received_ms
        and heard.offline_ms is None
        and heard.alert is None
        and heard.skew is None
        and "gps_lost" not in heard.faults
    )


def _is_settled(state: NurseState, visit_on: VisitPlan, shared: SharedFences) -> bool:
    """Tell whether she has come, is inside, and may be crossing no edge of any fence."""
    known, stay_in = state.moves.visits.get(visit_on.id), state.moves.stay_in
    return (
        known is not None
        and known.inside is True
        and state.moves.jump is None
        and all(fence.inside is True for fence in state.moves.keep_out.values())
        and not moves.is_crossing(state.moves)
        and not visit.awaits_arrival(state.visits[visit_on.id])
        and (stay_in is None or stay_in.inside is True)
        and (stay_in is None) == (not shared.keeps_in(state.plan.org))
    )


def _room(
    lat: float, lon: float, state: NurseState, visit_on: VisitPlan, shared: SharedFences
) -> tuple[float, float]:
    """Return how many degrees she may be off that place, along either axis, and how poor a fix may be.

    Within the circle a fix of an accuracy up to the buffer is inside, and a poorer one by so much deeper.
    """
    if abs(lat) > _FARTHEST_LAT or abs(lon) > _FARTHEST_LON:
        return 0.0, 0.0
    inside_m = visit_on.radius_m - apart_m(visit_on.lat, visit_on.lon, lat, lon)
    diagonal_m = math.sqrt(sum(metres**2 for metres in metres_per_degree(visit_on.lat)))
    most_deg = min(_MOST_DEG, 0.99 * inside_m / diagonal_m)
    room_deg = shared.room_deg(lat, lon, state.plan.org, visit_on, state.moves.keep_out, most_deg)
    if room_deg < _LEAST_DEG:
        return 0.0, 0.0
    deep_m = inside_m - room_deg * diagonal_m
    return room_deg, min(STANDARD.buffer_m + deep_m, USABLE_ACCURACY_M)
