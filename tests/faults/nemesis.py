"""Nemesis: what is done to which part of a house, and how it is undone."""

import asyncio
from collections.abc import Iterable, Iterator
from random import Random
from typing import Literal, NamedTuple

from tests.faults.house import House

How = Literal["kill", "pause", "cut", "full", "ahead", "behind"]

_STEP_S = 3600
_SHIFTS: tuple[How, ...] = ("ahead", "behind")


class Fault(NamedTuple):
    """What is done to whom; `kind` is what stands in the table."""

    who: str
    how: How

    @property
    def kind(self) -> str:
        """What was hit, without its number, and how."""
        return f"{self.who.rpartition('-')[0] or self.who} {self.how}"


def faults_in(house: House) -> list[Fault]:
    """Return what can be done here to the processes of `house`."""
    hows: list[How] = ["kill", "pause", "cut"] if house.net.can_cut else ["kill", "pause"]
    everybody = (*house.parts, *house.disks)
    found = [Fault(who, how) for who in everybody for how in hows]
    found += [Fault(who, "full") for who, kept in house.disks.items() if kept.can_fill]
    found += [Fault(who, how) for who in house.shifts for how in _SHIFTS]
    return found


def dealt(faults: Iterable[Fault], rng: Random) -> Iterator[Fault]:
    """Yield faults for ever: one of each kind before any kind comes again, whomever of its kind it hits."""
    kinds: dict[str, list[Fault]] = {}
    for fault in faults:
        kinds.setdefault(fault.kind, []).append(fault)
    while True:
        for kind in rng.sample(sorted(kinds), len(kinds)):
            yield rng.choice(kinds[kind])


async def strike(house: House, fault: Fault) -> None:
    """Do it."""
    match fault.how:
        case "kill":
            await asyncio.to_thread(house.kill, fault.who)
        case "pause":
            house.running(fault.who).pause()
        case "cut":
            house.net.cut(fault.who)
        case "full":
            await asyncio.to_thread(house.fill, fault.who)
        case "ahead":
            house.shifts[fault.who].set(_STEP_S)
        case "behind":
            house.shifts[fault.who].set(-_STEP_S)


async def heal(house: House, fault: Fault) -> None:
    """Undo it; returns when what was hit is there again, as far as can be told from outside."""
    match fault.how:
        case "pause":
            house.running(fault.who).go_on()
        case "cut":
            house.net.mend(fault.who)
        case "full":
            house.disks[fault.who].free()
        case "ahead" | "behind":
            house.shifts[fault.who].set(0)
        case "kill":
            pass
    if fault.how == "kill" or (fault.how == "full" and not house.running(fault.who).runs):
        await asyncio.to_thread(house.start, fault.who)
