"""Work records in the engine: what a recorder notes is kept once, with its visit, whoever carries it."""

from typing import Any

import pytest

from devices import reports
from devices.reports import Report
from ingest.lanes import TELEMETRY
from ingest.records import Arrival
from safety.engine import engine_for
from safety.rules.effects import KeepRecord
from tests.support.records import PLAN, T0_MS, at, fix, tick

NOTES: list[Report] = [
    reports.RecordingStarted(time_ms=at(60), seq=1),
    reports.SegmentRecorded(
        time_ms=at(120),
        seq=2,
        sha256="a" * 64,
        duration_s=60,
        size_bytes=9,
        uri="r://1",
        previous_sha256="b" * 64,
    ),
    reports.StepDone(time_ms=at(130), seq=3, code="x"),
    reports.MaterialUsed(time_ms=at(140), seq=4, material="waste", item="needle", quantity=1, unit="piece"),
    reports.SatisfactionGiven(time_ms=at(150), seq=5, score=4),
    reports.RecordingStopped(time_ms=at(160), seq=6),
]


def kept(*records: Any) -> list[KeepRecord]:
    engine = engine_for(TELEMETRY)
    effects = engine.run([PLAN, tick(0), *records], fail)
    return [effect for effect in effects if isinstance(effect, KeepRecord)]


def fail(_index: int, error: Exception) -> None:
    raise error


def noted(report: Report, *, device: str = "dev_2", nurse: str | None = "nur_1") -> Arrival:
    return Arrival(device, nurse, "org_1", report.time_ms + 20, report)


def test_each_note_is_kept_with_the_visit_that_is_on() -> None:
    found = kept(*(noted(note) for note in NOTES))
    assert [one.kind for one in found] == [
        "recording_started",
        "segment",
        "step",
        "waste",
        "satisfaction",
        "recording_stopped",
    ]
    assert {(one.visit, one.nurse, one.device) for one in found} == {("vis_1", "nur_1", "dev_2")}
    assert found[1].detail == {
        "sha256": "a" * 64,
        "previous_sha256": "b" * 64,
        "duration_s": 60,
        "size_bytes": 9,
        "uri": "r://1",
    }
    assert found[3].detail == {"item": "needle", "quantity": 1, "unit": "piece"}


def test_what_is_said_twice_has_one_name_and_what_differs_has_two() -> None:
    once, again = kept(noted(NOTES[2]), noted(NOTES[2]))
    assert once.id == again.id
    other = reports.StepDone(time_ms=at(130), seq=3, code="y")
    assert len({one.id for one in kept(noted(NOTES[2]), noted(other))}) == 2


@pytest.mark.parametrize("nurse", ["nur_1", None])
def test_a_visit_that_is_named_counts_whoever_carries_the_recorder(nurse: str | None) -> None:
    (found,) = kept(noted(reports.StepDone(time_ms=at(0), visit="vis_9", code="x"), nurse=nurse))
    assert (found.visit, found.nurse) == ("vis_9", nurse)


def test_far_from_any_visit_a_note_is_kept_without_one() -> None:
    late = reports.StepDone(time_ms=T0_MS + 9 * 3_600_000, code="x")
    assert [one.visit for one in kept(noted(late))] == [None]
    unbound = reports.StepDone(time_ms=at(60), code="x")
    assert [one.visit for one in kept(noted(unbound, nurse=None))] == [None]


def test_nothing_else_is_a_note() -> None:
    assert kept(fix(10, 5), fix(20, 5)) == []
