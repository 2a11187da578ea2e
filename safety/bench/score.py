"""Score: what a rule said held against what was true."""

from collections.abc import Sequence
from typing import NamedTuple

from safety.bench.recording import Crossing, Outing, Recording


class Score(NamedTuple):
    """Hours truly inside, exits that were none, true exits, how late each was seen, s."""

    hours: float = 0.0
    false_exits: int = 0
    true_exits: int = 0
    delays_s: tuple[float, ...] = ()

    def __add__(self, other: object) -> "Score":
        if not isinstance(other, Score):
            return NotImplemented
        return Score(
            self.hours + other.hours,
            self.false_exits + other.false_exits,
            self.true_exits + other.true_exits,
            self.delays_s + other.delays_s,
        )

    @property
    def missed(self) -> int:
        """True exits that the rule never saw."""
        return self.true_exits - len(self.delays_s)

    @property
    def false_per_1000_h(self) -> float:
        """False exits per 1,000 hours truly inside."""
        return self.false_exits / self.hours * 1_000 if self.hours else 0.0


def score(recording: Recording, said: Sequence[Crossing]) -> Score:
    """Score one recording: an exit raised while she was not truly beyond the edge is false.

    A true exit is seen by the first exit raised during it, or by one from before that still stands. Its
    delay counts from where she is past edge and buffer; who is earlier gains nothing.
    """
    outings = recording.outings or ()
    end_ms = max((reading.received_ms for reading in recording.readings), default=recording.watch_ms)
    false_exits = sum(
        1
        for crossing in said
        if crossing.out
        and crossing.at_ms >= recording.watch_ms
        and not any(_during(crossing.at_ms, outing) for outing in outings)
    )
    delays_s = [_delay_s(outing, said) for outing in outings]
    return Score(
        hours=_inside_ms(recording, outings, end_ms) / 3_600_000,
        false_exits=false_exits,
        true_exits=len(outings),
        delays_s=tuple(delay_s for delay_s in delays_s if delay_s is not None),
    )


def _during(at_ms: int, outing: Outing) -> bool:
    return outing.left_ms <= at_ms and (outing.back_ms is None or at_ms <= outing.back_ms)


def _delay_s(outing: Outing, said: Sequence[Crossing]) -> float | None:
    """Return how late the outing was seen; None: it was missed."""
    standing = False
    for crossing in said:
        if crossing.at_ms >= outing.left_ms:
            break
        standing = crossing.out
    first_ms = next((c.at_ms for c in said if c.out and _during(c.at_ms, outing)), None)
    if standing and not any(not c.out and outing.left_ms <= c.at_ms <= outing.clear_ms for c in said):
        return 0.0
    return None if first_ms is None else max(0.0, (first_ms - outing.clear_ms) / 1_000)


def _inside_ms(recording: Recording, outings: Sequence[Outing], end_ms: int) -> int:
    outside_ms = sum(
        min(end_ms if outing.back_ms is None else outing.back_ms, end_ms) - min(outing.left_ms, end_ms)
        for outing in outings
    )
    return max(0, end_ms - recording.watch_ms - outside_ms)
