"""The noise model: it does what its published numbers say, and the document says the same numbers."""

import math
from itertools import pairwise
from statistics import median

import pytest

from safety.bench.noise import REGIMES, Gap, Jump, Receiver, Regime, Sky, gaps, seeded
from tests.support.documents import rows

CALM = Sky(r68_m=(30.0, 30.0), memory_s=10.0, reported=(1.0, 1.0))


def errors_m(sky: Sky, fixes: int = 4_000, seed: int = 1) -> list[float]:
    receiver = Receiver(seeded(seed), Regime("one", sky, sky))
    return [
        math.hypot(*receiver.measure(0.0, 0.0, 10.0 * number, outdoors=False)[:2]) for number in range(fixes)
    ]


def test_two_thirds_of_the_fixes_are_within_the_true_radius() -> None:
    within = sum(error_m <= 30.0 for error_m in errors_m(CALM))
    assert 0.63 <= within / 4_000 <= 0.73


def test_jumps_come_as_often_and_go_as_far_as_they_should() -> None:
    sky = Sky((1.0, 1.0), 10.0, (1.0, 1.0), (Jump(20.0, 10.0, (200.0, 1_800.0), (300.0, 1_500.0)),))
    far_m = [error_m for error_m in errors_m(sky, 20_000) if error_m > 100]
    hours = 20_000 * 10 / 3_600
    assert 15 <= len(far_m) / hours / 1.6 <= 25  # a jump of 10 s on average spans 1.6 fixes
    assert 500 <= median(far_m) <= 720


def test_a_drift_takes_its_time() -> None:
    sky = Sky((1.0, 1.0), 10.0, (1.0, 1.0), (Jump(3_600.0, 10.0, (200.0, 200.0), (2.0, 2.0), rises_s=40.0),))
    receiver = Receiver(seeded(1), Regime("one", sky, sky))
    measured = [receiver.measure(0.0, 0.0, float(at_s), outdoors=False) for at_s in range(60)]
    start = next(i for i, one in enumerate(measured) if one.accuracy_m == 2.0)
    assert 90 <= math.hypot(*measured[start + 20][:2]) <= 110


def test_a_resting_gps_repeats_its_last_fix() -> None:
    duty = next(regime for regime in REGIMES if regime.duty is not None)
    receiver = Receiver(seeded(1), duty)
    seen = [receiver.measure(0.0, 0.0, 10.0 * number, outdoors=True) for number in range(60)]
    assert 20 <= len(set(seen)) <= 22  # two of six


def test_gaps_are_within_their_lengths_and_do_not_overlap() -> None:
    found = gaps(seeded(1), Gap(per_h=4.0, lasts_s=(30.0, 300.0), kept=0.5), 360_000.0)
    assert 250 <= len(found) <= 450
    assert all(30 <= to_s - from_s <= 300 for from_s, to_s, _ in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    assert {kept for _, _, kept in found} == {True, False}
    assert gaps(seeded(1), None, 360_000.0) == []


def span(values: tuple[float, float]) -> str:
    return f"{values[0]:g}–{values[1]:g}"


def sky_cells(sky: Sky) -> list[str]:
    jumps = [
        f"{jump.per_h:g}/h, {span(jump.off_m)} m off for {jump.lasts_s:g} s"
        + (f" after {jump.rises_s:g} s" if jump.rises_s else "")
        + f", reported {span(jump.reported_m)} m"
        for jump in sky.jumps
    ]
    return [span(sky.r68_m), f"{sky.memory_s:g}", span(sky.reported), "; ".join(jumps) or "none"]


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_the_document_has_the_numbers_of_the_model(regime: Regime) -> None:
    published = rows("docs/quality.md")
    assert [regime.name, "in", *sky_cells(regime.indoors)] in published
    assert [regime.name, "out", *sky_cells(regime.outdoors)] in published
