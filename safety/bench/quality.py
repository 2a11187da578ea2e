"""The quality benchmark: how often each rule says that she left when she did not, and how soon when she did.

Simulated visits under a published noise model (docs/quality.md), an hour each, half of them with a true
exit; the same readings go to our engine, to Traccar's set difference, and to the accuracy-gated rule.
"""

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from safety.bench.engine_rule import vigil
from safety.bench.noise import REGIMES, Regime, seeded
from safety.bench.recording import Recording, Rule
from safety.bench.reference_rules import accuracy_gated, set_difference
from safety.bench.report import Limit, Row, at_least, percentile, report, row
from safety.bench.score import Score, score
from safety.bench.visits import simulate

FEWER_FALSE_EXITS = 50.0
"""At most one false exit for so many of the naive rule."""

SEEN_WITHIN_S = 90.0

NAIVE, GATED, OURS = "set difference", "accuracy-gated", "vigil"
RULES: Mapping[str, Rule] = {NAIVE: set_difference, GATED: accuracy_gated, OURS: vigil}

Scores = dict[str, dict[str, Score]]
"""By regime, by rule."""


class Size(NamedTuple):
    """How much is simulated: visits of each regime, every second one with a true exit."""

    visits: int = 200
    seed: int = 1


def run(size: Size = Size()) -> dict[str, Any]:  # noqa: B008  a tuple of numbers never changes
    """Measure, and return the report."""
    return report("quality", rows(measure(size)))


def measure(size: Size) -> Scores:
    """Simulate the visits of every regime, and score every rule on them."""
    scores: Scores = {}
    for index, regime in enumerate(REGIMES):
        _tell(f"{size.visits} visits, {regime.name}")
        recordings = _draw(regime, size.visits, size.seed * len(REGIMES) + index)
        scores[regime.name] = {name: _score(rule, recordings) for name, rule in RULES.items()}
    return scores


def rows(scores: Scores) -> list[Row]:
    """Return the table: all regimes together for each rule, then regime by regime."""
    total = {name: _sum(by_rule[name] for by_rule in scores.values()) for name in RULES}
    naive, ours = total[NAIVE], total[OURS]
    found = [row("visit-hours truly inside", ours.hours, "h"), row("true exits", ours.true_exits, "exits")]
    for name, scored in total.items():
        found += rows_of_rule(name, scored, naive)
    # None at all cannot be divided by: it counts as one, the least that would have been seen.
    fewer = naive.false_exits / max(1, ours.false_exits)
    found.append(at_least("false exits of set difference for one of vigil", fewer, "x", FEWER_FALSE_EXITS))
    for regime, by_rule in scores.items():
        found += _of_regime(regime, by_rule)
    return found


def rows_of_rule(name: str, scored: Score, naive: Score) -> list[Row]:
    """Return what one rule did, beside the naive one's false exits; ours is held to the targets."""
    judged = name == OURS
    floor = None if name == NAIVE else naive.false_per_1000_h
    found = [
        row(f"{name}: false exits", scored.false_per_1000_h, "/1000 h", floor=floor),
        row(f"{name}: missed exits", scored.missed, "exits", limit={"at_most": 0.0} if judged else None),
    ]
    if scored.delays_s:
        limit: Limit | None = {"at_most": SEEN_WITHIN_S} if judged else None
        found.append(row(f"{name}: delay p50", percentile(scored.delays_s, 0.50), "s"))
        found.append(row(f"{name}: delay p95", percentile(scored.delays_s, 0.95), "s", limit=limit))
    return found


def _of_regime(regime: str, by_rule: dict[str, Score]) -> list[Row]:
    found = [
        row(
            f"{regime}, {name}: false exits",
            scored.false_per_1000_h,
            "/1000 h",
            floor=None if name == NAIVE else by_rule[NAIVE].false_per_1000_h,
        )
        for name, scored in by_rule.items()
    ]
    ours = by_rule[OURS]
    if ours.delays_s:
        found.append(row(f"{regime}, {OURS}: delay p95", percentile(ours.delays_s, 0.95), "s"))
    found.append(row(f"{regime}, {OURS}: missed exits", ours.missed, "exits"))
    return found


def _draw(regime: Regime, visits: int, seed: int) -> list[Recording]:
    rng = seeded(seed)
    return [simulate(rng, regime, number, leaves=number % 2 == 1) for number in range(visits)]


def _score(rule: Rule, recordings: list[Recording]) -> Score:
    said = rule(recordings)
    return _sum(score(recording, crossings) for recording, crossings in zip(recordings, said, strict=True))


def _sum(scores: Any) -> Score:
    total = Score()
    for one in scores:
        total += one
    return total


def _tell(line: str) -> None:
    """Say what is being measured; it takes a minute."""
    sys.stderr.write(f"{line} ...\n")
    sys.stderr.flush()
