"""Calm: the bounds within which a nurse's fixes change nothing but where she was last seen.

Nearly every fix comes from a nurse who is where she should be. The bounds are worked out once from the
rules' state and the fences, and hold until she leaves them or anything else happens to her. They only save
work: whatever they leave out goes through the rules one by one, and so would each fix that they take, with
the same outcome.
"""

import math
from collections.abc import Sequence

import msgspec

from devices.reports import Fix
from ingest.records import Arrival
from safety.domain.fence_limits import STANDARD
from safety.domain.local_metres import apart_m, metres_per_degree
from safety.domain.plan import VisitPlan
from safety.rules import moves, visit
from safety.rules.device import DeviceState
from safety.rules.effects import PlacePosition
from safety.rules.geofence import USABLE_ACCURACY_M
from safety.rules.health import SKEW_MS
from safety.rules.jumps import NEAR_DEG
from safety.rules.nurse_state import NurseState, awaited_at, current_visit, until_ms
from safety.rules.shared_fences import SharedFences
from safety.rules.sight import Sight
from safety.rules.silence import PAUSE_MS

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(NurseState).decode

_MOST_DEG = 0.49 * NEAR_DEG
"""So far at most from the middle of the bounds to their edge: no two fixes in them can be a jump."""

_LEAST_DEG = 0.000_05
"""In less than some 5 m no fix stays."""

_AGAIN_MS = 30_000
"""So long after there was no room it is not looked for again."""

_FARTHEST_LAT, _FARTHEST_LON = 85.0, 179.9


class Calm(msgspec.Struct, gc=False, array_like=True):
    """One nurse's bounds: a box in degrees around a place, a time (epoch ms), what her device goes on saying.

    Meanwhile her state is `asleep`, and what was taken is in `newest` and `seq` alone. Without a box
    (`reach_deg` negative) her state is awake, and none is looked for before `again_ms`.
    """

    newest: Sight
    seq: int
    visit: str
    until_ms: int
    battery_pct: float | None
    asleep: bytes = b""
    accuracy_m: int = 0
    lat: float = 0.0
    lon: float = 0.0
    reach_deg: float = -1.0
    again_ms: int = 0

    def serves(self, newest: Sight) -> bool:
        """Tell whether the box is hers as well when she was last seen there; none serves until `again_ms`."""
        if self.reach_deg < 0.0:
            return newest.time_ms < self.again_ms
        return self.holds(newest.position.lat, newest.position.lon)

    def holds(self, lat: float, lon: float) -> bool:
        """Tell whether a position is in the box: the same shared fences hold it as the last one."""
        reach_deg = self.reach_deg
        return -reach_deg <= lat - self.lat <= reach_deg and -reach_deg <= lon - self.lon <= reach_deg

    def void(self) -> None:
        """Give up the box: the fences have changed."""
        self.reach_deg, self.again_ms = -1.0, 0


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
    reach_deg = calm.reach_deg
    if (
        not -reach_deg <= position.lat - calm.lat <= reach_deg
        or not -reach_deg <= position.lon - calm.lon <= reach_deg
        or accuracy_m is None
        or accuracy_m > calm.accuracy_m
        or not newest.time_ms < time_ms <= calm.until_ms
        or not -SKEW_MS <= told_ms - received_ms <= SKEW_MS
        or not 0 <= received_ms - newest.received_ms <= PAUSE_MS
        or (battery_pct != calm.battery_pct and battery_pct is not None)
        or (seq != calm.seq + 1 if seq is not None else calm.seq >= 0)
        or arrival.device != newest.device
    ):
        return None
    if seq is not None:
        calm.seq = seq
    calm.newest = newest = Sight(
        position, time_ms, received_ms, newest.nurse, newest.org, newest.device, "fix", seq, told_ms
    )
    return PlacePosition(newest, calm.visit, True, battery_pct)


def wake(calm: Calm) -> NurseState:
    """Return her state with what was taken: before anything else looks at it, or changes it."""
    state, newest = _decode(calm.asleep), calm.newest
    heard = state.devices[newest.device]
    heard.heard_ms = heard.gps_ms = newest.received_ms
    if heard.seq != calm.seq:
        heard.seq, heard.seq_ms = calm.seq, newest.told_ms
    state.moves.visits[calm.visit].here_ms = newest.time_ms
    state.newest = newest
    return state


def settle(state: NurseState, shared: SharedFences, before: Calm | None) -> Calm | None:
    """Return the bounds that hold for her now, None if there are none; `before` were the last ones.

    If they have a box, her state is asleep in them.
    """
    newest = state.newest
    if newest is None:
        return None
    heard, visit_on = state.devices.get(newest.device), current_visit(state, newest.time_ms)
    if heard is None or visit_on is None or not _is_well(heard, newest):
        return None
    if newest.org != state.plan.org or not _is_settled(state, visit_on, newest, shared):
        return None
    calm = Calm(
        newest,
        heard.seq,
        visit_on.id,
        until_ms(state, visit_on, newest.time_ms),
        heard.battery.pct if heard.battery is not None else None,
    )
    _bound(calm, state, visit_on, shared, before)
    if calm.reach_deg > 0.0:
        state.newest = None  # it is in the bounds already
        calm.asleep = _encode(state)
        state.newest = newest
    return calm


def _bound(
    calm: Calm, state: NurseState, visit_on: VisitPlan, shared: SharedFences, before: Calm | None
) -> None:
    """Give `calm` its box: the one `before`, if she is still in that, or one around her."""
    newest = calm.newest
    awaited = awaited_at(state, newest.time_ms)
    serves = before is not None and before.visit == calm.visit and before.serves(newest)
    if before is not None and serves and before.reach_deg <= _clear_deg(before.lat, before.lon, awaited):
        calm.lat, calm.lon, calm.reach_deg = before.lat, before.lon, before.reach_deg
        calm.accuracy_m, calm.again_ms = before.accuracy_m, before.again_ms
        return
    calm.again_ms = newest.time_ms + _AGAIN_MS
    at = newest.position
    # Around the address, if she is there, fixes stray less far from the middle than around one of them.
    for lat, lon in ((visit_on.lat, visit_on.lon), (at.lat, at.lon)):
        reach_deg, accuracy_m = _room(lat, lon, state, visit_on, awaited, shared)
        if reach_deg > 0.0 and abs(at.lat - lat) <= reach_deg and abs(at.lon - lon) <= reach_deg:
            calm.lat, calm.lon, calm.reach_deg = lat, lon, reach_deg
            calm.accuracy_m, calm.again_ms = accuracy_m, 0
            return


def _is_well(heard: DeviceState, newest: Sight) -> bool:
    """Tell whether the newest fix is the last that her device said, and nothing it goes on saying is news."""
    return (
        heard.heard_ms == heard.gps_ms == newest.received_ms
        and heard.offline_ms is None
        and heard.alert is None
        and heard.skew is None
        and "gps_lost" not in heard.faults
    )


def _is_settled(state: NurseState, visit_on: VisitPlan, newest: Sight, shared: SharedFences) -> bool:
    """Tell whether she has come, was inside just now, and may be crossing no edge of any fence."""
    known, stay_in = state.moves.visits.get(visit_on.id), state.moves.stay_in
    return (
        known is not None
        and known.inside is True
        and known.here_ms == newest.time_ms
        and state.moves.jump is None
        and all(fence.inside is True for fence in state.moves.keep_out.values())
        and not moves.is_crossing(state.moves)
        and not visit.awaits_arrival(state.visits[visit_on.id])
        and (stay_in is None or stay_in.inside is True)
        and (stay_in is None) == (not shared.keeps_in(state.plan.org))
    )


def _room(
    lat: float,
    lon: float,
    state: NurseState,
    visit_on: VisitPlan,
    awaited: Sequence[VisitPlan],
    shared: SharedFences,
) -> tuple[float, int]:
    """Return how many degrees she may be off that place, along either axis, and how poor a fix may be.

    Within the circle a fix of an accuracy up to the buffer is inside, and a poorer one by so much deeper.
    In the circle of a visit that awaits her a fix would be an arrival.
    """
    if abs(lat) > _FARTHEST_LAT or abs(lon) > _FARTHEST_LON:
        return 0.0, 0
    inside_m = visit_on.radius_m - apart_m(visit_on.lat, visit_on.lon, lat, lon)
    diagonal_m = _diagonal_m(visit_on)
    most_deg = min(_MOST_DEG, 0.99 * inside_m / diagonal_m, _clear_deg(lat, lon, awaited))
    room_deg = shared.room_deg(lat, lon, state.plan.org, visit_on, state.moves.keep_out, most_deg)
    if room_deg < _LEAST_DEG:
        return 0.0, 0
    deep_m = inside_m - room_deg * diagonal_m
    return room_deg, int(min(STANDARD.buffer_m + deep_m, USABLE_ACCURACY_M))


def _clear_deg(lat: float, lon: float, awaited: Sequence[VisitPlan]) -> float:
    """Return how many degrees off a place, along either axis, she is in no circle in which she is awaited."""
    off_deg = (
        (apart_m(each.lat, each.lon, lat, lon) - each.radius_m) / _diagonal_m(each) for each in awaited
    )
    return 0.99 * min(off_deg, default=math.inf)


def _diagonal_m(visit: VisitPlan) -> float:
    """Return how long the diagonal of a degree by a degree is at a visit's address."""
    return math.sqrt(sum(metres**2 for metres in metres_per_degree(visit.lat)))
