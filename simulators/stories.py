"""The demo's stories: what each role does, in a cycle that repeats.

One cycle (`CYCLE_S`), in seconds from its start:

    12   panic              a nurse presses her button (or phone) and presses on until she is heard
    20   leaves_fence       rides some 500 m away from the home, waits, and comes back
    30   dies               the phone loses its network without a word, until 210
    50   cancelled_fall     the phone sees a fall; ten seconds later she says it was none
    any  misses_check_in    keeps silent past her check-in, then says that she is well

Where several nurses hold a role, they take turns: one acts in each cycle. A nurse whose visit has not begun
rides about until it does, then comes; `routine` nurses check in and stay until its end; `travelling` ones
never arrive.
"""

import asyncio
from collections.abc import Awaitable, Callable

from simulators.geometry import Point, distance_m, length_m
from simulators.movement import SCOOTER_MPS
from simulators.noise import INDOORS
from simulators.nurse import Nurse
from simulators.roster import Role
from simulators.waiting import first_of

CYCLE_S = 240.0
_PANIC_AT_S = 12.0
_LEAVE_AT_S = 20.0
_DIE_AT_S = 30.0
_FALL_AT_S = 50.0
_DEAD_FOR_S = 180.0
_CANCEL_AFTER_S = 10.0
_OUTSIDE_S = 30.0
_OUTSIDE_M = 520.0
_HURRY_MPS = SCOOTER_MPS * 1.3
_SILENT_PAST_DUE_S = 120.0
_TRAVEL_M = 400.0
_TRAVEL_MPS = (3.5, 4.5)
_TRAVEL_CLEAR_M = 350.0
_TRAVEL_TRIES = 8
_LOOK_AT_CLOCK_EVERY_S = 5.0

Act = Callable[[Nurse], Awaitable[None]]


async def play(nurse: Nurse, turn: int = 0, of: int = 1) -> None:
    """Play `nurse` for ever; she acts in each cycle whose number modulo `of` is `turn`."""
    act = _ACTS.get(nurse.role)
    while True:
        if not nurse.on_visit() or nurse.role == "travelling":
            await _travel(nurse)
            continue
        await nurse.come()
        async with asyncio.TaskGroup() as tasks:
            parts = [tasks.create_task(nurse.film(), name="film")]
            if nurse.role != "misses_check_in":
                parts.append(tasks.create_task(nurse.check_in_regularly(), name="check in"))
            if act is not None:
                parts.append(tasks.create_task(_in_turn(nurse, act, turn, of), name=nurse.role))
            while nurse.on_visit():
                await nurse.clock.sleep_s(_LOOK_AT_CLOCK_EVERY_S)
            for part in parts:
                part.cancel()
        nurse.leave()


async def _in_turn(nurse: Nurse, act: Act, turn: int, of: int) -> None:
    cycle = 0
    while True:
        began_s = nurse.clock.monotonic_s()
        if cycle % of == turn:
            await act(nurse)
        rest_s = max(1.0, CYCLE_S - (nurse.clock.monotonic_s() - began_s))
        if nurse.role == "misses_check_in":
            await _behave(nurse, rest_s)
        else:
            await nurse.clock.sleep_s(rest_s)
        cycle += 1


async def _behave(nurse: Nurse, duration_s: float) -> None:
    """Keep to her check-ins, while it is another one's turn to miss them."""
    async with asyncio.TaskGroup() as tasks:
        checking_in = tasks.create_task(nurse.check_in_regularly(), name="check in")
        await nurse.clock.sleep_s(duration_s)
        checking_in.cancel()


async def _travel(nurse: Nurse) -> None:
    """Ride through the district for a while, then rest at the kerb."""
    await nurse.ride(_way_past(nurse), nurse.rng.uniform(*_TRAVEL_MPS))
    await nurse.clock.sleep_s(nurse.rng.uniform(5.0, 40.0))


def _way_past(nurse: Nurse) -> list[Point]:
    """Return a wander that keeps away from where she is planned to be: who never arrives cannot leave."""
    here = nurse.whereabouts.place().point
    for _ in range(_TRAVEL_TRIES):
        path = nurse.district.stroll(here, _TRAVEL_M, nurse.rng)
        if nurse.visit is None or all(distance_m(nurse.home, point) > _TRAVEL_CLEAR_M for point in path):
            return path
    far = max(nurse.district.homes, key=lambda home: distance_m(nurse.home, home.point))
    return nurse.district.route(here, far.point)


async def _panic(nurse: Nurse) -> None:
    await nurse.clock.sleep_s(_PANIC_AT_S)
    pressed = nurse.button or nurse.phone
    if pressed is None:
        return
    name = pressed.press()
    closed = nurse.journal.next_where(
        lambda entry: entry.device == pressed.id and entry.kind == "alarm_closed" and entry.alarm == name
    )
    await first_of(closed, nurse.clock.sleep_s(CYCLE_S - _PANIC_AT_S - 1))


async def _leave_fence(nurse: Nurse) -> None:
    await nurse.clock.sleep_s(_LEAVE_AT_S)
    away = _way_out(nurse)
    await nurse.ride(away, _HURRY_MPS)
    await nurse.clock.sleep_s(_OUTSIDE_S)
    await nurse.ride(away[::-1], _HURRY_MPS)
    nurse.whereabouts.stay(nurse.home, INDOORS)


def _way_out(nurse: Nurse) -> list[Point]:
    """Return a way to one of the nearest places that are far enough, so that the cycle holds the return."""
    nodes = nurse.district.nodes.values()
    far = sorted(nodes, key=lambda node: abs(distance_m(nurse.home, node) - _OUTSIDE_M))
    ways = sorted((nurse.district.route(nurse.home, node) for node in far[:12]), key=length_m)
    return nurse.rng.choice(ways[:4])


async def _die(nurse: Nurse) -> None:
    await nurse.clock.sleep_s(_DIE_AT_S)
    if nurse.phone is not None:
        nurse.phone.cut()
        await nurse.clock.sleep_s(_DEAD_FOR_S)
        nurse.phone.restore()


async def _fall(nurse: Nurse) -> None:
    await nurse.clock.sleep_s(_FALL_AT_S)
    if nurse.phone is not None:
        name = nurse.phone.press("fall")
        await nurse.clock.sleep_s(_CANCEL_AFTER_S)
        nurse.phone.tell("cancel_alarm", visit=nurse.visit_id, alarm=name)


async def _miss_check_in(nurse: Nurse) -> None:
    await nurse.clock.sleep_s(nurse.check_in_every_s + _SILENT_PAST_DUE_S)
    if nurse.phone is not None:
        nurse.phone.tell("check_in", visit=nurse.visit_id)


_ACTS: dict[Role, Act] = {
    "panic": _panic,
    "leaves_fence": _leave_fence,
    "dies": _die,
    "cancelled_fall": _fall,
    "misses_check_in": _miss_check_in,
}
