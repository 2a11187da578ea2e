"""Noise: how a phone mismeasures where it is, as numbers; docs/quality.md tells where each comes from.

A position is the truth plus an error that drifts (Gauss-Markov), plus now and then a jump that stays for a
while. What the phone reports as its accuracy is another matter. All lengths are metres.
"""

import math
from random import Random
from typing import NamedTuple

R68_PER_SIGMA = math.sqrt(-2 * math.log(1 - 0.68))
"""The 68 % radius of a circular normal distribution, in standard deviations: 1.51."""

Span = tuple[float, float]


class Jump(NamedTuple):
    """Positions that are somewhere else for a while.

    They begin `per_h` times an hour, take `rises_s` to get there, and last `lasts_s` more on average
    (exponentially), one fix at least; `off_m` and `reported_m` lie evenly on a logarithmic scale within
    their spans.
    """

    per_h: float
    lasts_s: float
    off_m: Span
    reported_m: Span
    rises_s: float = 0.0


class Sky(NamedTuple):
    """What a place does to a position.

    `r68_m` is the span of the true 68 % radius, drawn once a visit; `memory_s` how long an error lasts;
    `reported` the span of reported over true radius, drawn for each fix.
    """

    r68_m: Span
    memory_s: float
    reported: Span
    jumps: tuple[Jump, ...] = ()


class Duty(NamedTuple):
    """The GPS rests to save the battery: meanwhile the phone reports its last fix again as a new one."""

    on_s: float
    off_s: float


class Gap(NamedTuple):
    """Nothing comes in, `per_h` times an hour for a time in `lasts_s`; `kept` is how often it comes later."""

    per_h: float
    lasts_s: Span
    kept: float


class Regime(NamedTuple):
    """One way in which positions are wrong: in the home and on the way."""

    name: str
    indoors: Sky
    outdoors: Sky
    duty: Duty | None = None
    gap: Gap | None = None


OPEN = Sky(r68_m=(7.0, 13.0), memory_s=20.0, reported=(0.8, 1.3))
ROOM = Sky(r68_m=(15.0, 35.0), memory_s=60.0, reported=(0.5, 1.2))
MULTIPATH = Jump(per_h=6.0, lasts_s=12.0, off_m=(60.0, 250.0), reported_m=(5.0, 40.0))
CANYON = Sky(r68_m=(15.0, 40.0), memory_s=40.0, reported=(0.5, 1.2), jumps=(MULTIPATH,))
OPTIMISTIC = Jump(per_h=3.0, lasts_s=15.0, off_m=(100.0, 250.0), reported_m=(1.9, 15.0), rises_s=20.0)
DRIFT = Sky(r68_m=(20.0, 50.0), memory_s=120.0, reported=(0.1, 0.5), jumps=(OPTIMISTIC,))
WIFI = Sky(r68_m=(70.0, 110.0), memory_s=30.0, reported=(0.5, 1.3))
CELL = Jump(per_h=8.0, lasts_s=20.0, off_m=(200.0, 1_800.0), reported_m=(300.0, 1_500.0))
TOWERS = ROOM._replace(jumps=(CELL,))

REGIMES = (
    Regime("open sky", OPEN, OPEN),
    Regime("urban canyon", CANYON, CANYON),
    Regime("optimistic drift", DRIFT, OPEN),
    Regime("Wi-Fi indoors", WIFI, OPEN),
    Regime("cell-tower jumps", TOWERS, OPEN._replace(jumps=(CELL,))),
    Regime("duty-cycled GPS", ROOM, OPEN, duty=Duty(on_s=20.0, off_s=40.0)),
    Regime("gaps", ROOM, OPEN, gap=Gap(per_h=2.0, lasts_s=(30.0, 300.0), kept=0.5)),
)


class Measured(NamedTuple):
    """What a phone makes of a place: metres east and north, and the accuracy that it reports."""

    east_m: float
    north_m: float
    accuracy_m: float


class _Off(NamedTuple):
    """A jump that is on: how far it goes, from when until when, and how long it takes to get there."""

    far: Measured
    from_s: float
    until_s: float
    rises_s: float

    def at(self, at_s: float) -> Measured:
        part = min(1.0, (at_s - self.from_s) / self.rises_s) if self.rises_s else 1.0
        return Measured(self.far.east_m * part, self.far.north_m * part, self.far.accuracy_m)


class Receiver:
    """The errors of one phone on one visit, from `rng` alone."""

    def __init__(self, rng: Random, regime: Regime) -> None:
        self._rng = rng
        self._regime = regime
        self._quality = rng.random()  # a good or a bad one, between the ends of each span
        self._drift = (rng.gauss(0, 1), rng.gauss(0, 1))
        self._jump: _Off | None = None
        self._duty_s = rng.uniform(0, 60)
        self._last: Measured | None = None
        self._last_s = 0.0

    def measure(self, east_m: float, north_m: float, at_s: float, *, outdoors: bool) -> Measured:
        """Return what is reported at `at_s` (seconds, never going back) for truly being there."""
        duty = self._regime.duty
        resting = duty is not None and (at_s + self._duty_s) % (duty.on_s + duty.off_s) >= duty.on_s
        if self._last is not None and resting:
            return self._last
        sky = self._regime.outdoors if outdoors else self._regime.indoors
        since_s, self._last_s = at_s - self._last_s, at_s
        self._carry_on(since_s, sky)
        r68_m = sky.r68_m[0] + (sky.r68_m[1] - sky.r68_m[0]) * self._quality
        sigma_m = r68_m / R68_PER_SIGMA
        jump = self._jumping(at_s, since_s, sky)
        self._last = Measured(
            east_m + self._drift[0] * sigma_m + (jump.east_m if jump else 0.0),
            north_m + self._drift[1] * sigma_m + (jump.north_m if jump else 0.0),
            jump.accuracy_m if jump else max(1.5, r68_m * self._rng.uniform(*sky.reported)),
        )
        return self._last

    def _carry_on(self, since_s: float, sky: Sky) -> None:
        """Let the error drift: a first-order Gauss-Markov process of unit variance on each axis."""
        kept = math.exp(-since_s / sky.memory_s)
        fresh = math.sqrt(1 - kept * kept)
        east, north = self._drift
        self._drift = (
            kept * east + fresh * self._rng.gauss(0, 1),
            kept * north + fresh * self._rng.gauss(0, 1),
        )

    def _jumping(self, at_s: float, since_s: float, sky: Sky) -> Measured | None:
        if self._jump is None or at_s >= self._jump.until_s:
            self._jump = self._new_jump(at_s, since_s, sky)
        return None if self._jump is None else self._jump.at(at_s)

    def _new_jump(self, at_s: float, since_s: float, sky: Sky) -> _Off | None:
        rng = self._rng
        for jump in sky.jumps:
            if rng.random() < min(since_s, 60.0) * jump.per_h / 3_600:
                far_m, way = _log_even(rng, jump.off_m), rng.uniform(0, math.tau)
                far = Measured(far_m * math.sin(way), far_m * math.cos(way), _log_even(rng, jump.reported_m))
                until_s = at_s + jump.rises_s + rng.expovariate(1 / jump.lasts_s)
                return _Off(far, at_s, until_s, jump.rises_s)
        return None


def gaps(rng: Random, gap: Gap | None, until_s: float) -> list[tuple[float, float, bool]]:
    """Return (from_s, to_s, kept) of each time without reports; what is kept comes in at its end."""
    found: list[tuple[float, float, bool]] = []
    if gap is None:
        return found
    at_s = rng.expovariate(gap.per_h / 3_600)
    while at_s < until_s:
        to_s = at_s + rng.uniform(*gap.lasts_s)
        found.append((at_s, to_s, rng.random() < gap.kept))
        at_s = to_s + rng.expovariate(gap.per_h / 3_600)
    return found


def seeded(seed: int) -> Random:
    """Return the randomness of a whole run."""
    return Random(seed)


def _log_even(rng: Random, span: Span) -> float:
    return math.exp(rng.uniform(math.log(span[0]), math.log(span[1])))
