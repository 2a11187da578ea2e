"""Recording: what a phone reported on one visit, and what was true; simulated or recorded in the field."""

from typing import NamedTuple, Protocol

from safety.domain.plan import FencePlan, VisitPlan


class Reading(NamedTuple):
    """One fix as reported: when it was taken and when it came in (epoch ms), degrees WGS-84, metres."""

    time_ms: int
    received_ms: int
    lat: float
    lon: float
    accuracy_m: float | None


class Edge(Protocol):
    """The edge of the ground on which she should stay."""

    def outside_by_m(self, lat: float, lon: float) -> float:
        """Return how many metres outside of it a WGS-84 position is; negative: how far inside."""


class Outing(NamedTuple):
    """She truly is outside (epoch ms): beyond the edge from `left_ms`, past edge and buffer at `clear_ms`.

    `back_ms` is when she is inside again, None where the recording ends before that.
    """

    left_ms: int
    clear_ms: int
    back_ms: int | None = None


class Recording(NamedTuple):
    """The readings of one visit in the order in which they came in; `edge` is that of the ground to stay on.

    `outings` None: nobody wrote down what was true. `watch_ms` is when she arrived: what a rule says
    before that is not scored. `fences` are shared fences, where the ground is not just the visit's circle.
    """

    visit: VisitPlan
    edge: Edge
    readings: tuple[Reading, ...]
    watch_ms: int
    outings: tuple[Outing, ...] | None
    fences: tuple[FencePlan, ...] = ()


class Crossing(NamedTuple):
    """What a rule said, when it could first be known: `out`, she left; not `out`, she came back."""

    at_ms: int
    out: bool


class Rule(Protocol):
    """A rule under test. Recordings are told together, as a service hears many nurses at once."""

    def __call__(self, recordings: "list[Recording]", /) -> list[list[Crossing]]:
        """Return what it says of each recording, in the order of time."""
