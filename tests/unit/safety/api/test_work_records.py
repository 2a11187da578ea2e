"""Work records from the report to the answer: kept with their visit, once, and the chain of segments."""

from typing import Any

import pytest
from sqlalchemy import select

from devices import reports
from devices.reports import Report
from ingest.records import Arrival
from safety.api import schemas
from safety.domain.plan import NursePlan, VisitPlan
from safety.rules.effects import KeepRecord
from safety.rules.work_record import keep
from safety.store.effects import store_effects
from safety.store.tables import audit
from tests.support.dispatch import START_MS, Dispatch, House


def segment(number: int, previous: int | None = None, **more: Any) -> reports.SegmentRecorded:
    return reports.SegmentRecorded(
        time_ms=START_MS + number * 60_000,
        seq=number,
        sha256=f"{number:064x}",
        previous_sha256=None if previous is None else f"{previous:064x}",
        duration_s=60.0,
        size_bytes=1_000,
        uri=f"recorder://r1/{number}",
        **more,
    )


def arrived(house: House, report: Report, *, device: str = "", bound: bool = True) -> KeepRecord:
    arrival = Arrival(
        device or house.device, house.nurse if bound else None, house.org, report.time_ms + 50, report
    )
    visit = VisitPlan(
        id=house.visit,
        lat=31.23,
        lon=121.47,
        radius_m=150.0,
        starts_ms=START_MS - 600_000,
        ends_ms=START_MS + 3_600_000,
    )
    assert isinstance(report, reports.RecordBase)
    plan = NursePlan(nurse=house.nurse, org=house.org, visits=(visit,)) if bound else None
    return keep(arrival, report, plan)


def store(dispatch: Dispatch, *kept: KeepRecord) -> None:
    with dispatch.database.writing() as connection:
        assert store_effects(connection, kept, START_MS) is False


async def read(dispatch: Dispatch, house: House, what: str, **params: str) -> dict[str, Any]:
    async with dispatch.client(house) as client:
        answer = await client.get(f"/api/v1/visits/{house.visit}/{what}", params=params)
    assert answer.status_code == 200, answer.text
    shape = schemas.Recording if what == "recordings" else schemas.Page[schemas.WorkRecord]
    shape.model_validate_json(answer.text)
    said: dict[str, Any] = answer.json()
    if "items" in said:  # without what each house has anyway
        said["items"] = [one for one in said["items"] if one["code"] != "opened"]
    return said


async def test_what_a_recorder_notes_is_kept_with_its_visit(dispatch: Dispatch) -> None:
    ours, at_ms = dispatch.ours, START_MS
    notes: list[Report] = [
        reports.RecordingStarted(time_ms=at_ms, seq=1),
        reports.StepDone(time_ms=at_ms, seq=2, code="wound_dressing"),
        reports.MaterialUsed(
            time_ms=at_ms, seq=3, material="consumable", item="gauze", quantity=2, unit="piece"
        ),
        reports.MaterialUsed(time_ms=at_ms, seq=4, material="waste", item="needle", quantity=1, unit="piece"),
        reports.SatisfactionGiven(time_ms=at_ms, seq=5, score=5),
        reports.RecordingStopped(time_ms=at_ms, seq=6),
    ]
    for _ in range(2):  # delivered twice, kept once
        store(dispatch, *(arrived(ours, note) for note in notes))
    said = await read(dispatch, ours, "records")
    by_seq = {one["seq"]: one for one in said["items"]}
    assert [by_seq[seq]["kind"] for seq in range(1, 7)] == [
        "recording_started",
        "step",
        "consumable",
        "waste",
        "satisfaction",
        "recording_stopped",
    ]
    assert len(said["items"]) == 6
    assert {one["visit"] for one in said["items"]} == {ours.visit}
    assert (by_seq[2]["code"], by_seq[3]["item"], by_seq[3]["quantity"], by_seq[5]["score"]) == (
        "wound_dressing",
        "gauze",
        2,
        5,
    )
    assert [one["seq"] for one in (await read(dispatch, ours, "records", kind="waste"))["items"]] == [4]


async def test_two_notes_of_one_moment_are_both_kept(dispatch: Dispatch) -> None:
    gauze = reports.MaterialUsed(
        time_ms=START_MS, material="consumable", item="gauze", quantity=2, unit="piece"
    )
    tape = reports.MaterialUsed(time_ms=START_MS, material="consumable", item="tape", quantity=1, unit="roll")
    store(dispatch, arrived(dispatch.ours, gauze), arrived(dispatch.ours, tape))
    said = await read(dispatch, dispatch.ours, "records")
    assert sorted(one["item"] for one in said["items"]) == ["gauze", "tape"]


async def test_a_recording_shows_whether_something_is_missing(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    store(dispatch, arrived(ours, segment(1)), arrived(ours, segment(2, 1)), arrived(ours, segment(4, 3)))
    said = await read(dispatch, ours, "recordings")
    assert said["intact"] is False
    assert [one["link"] for one in said["segments"]] == ["first", "linked", "gap"]
    assert (said["duration_s"], said["bytes"]) == (180, 3000)
    store(dispatch, arrived(ours, segment(3, 2)))  # it was only late
    mended = await read(dispatch, ours, "recordings")
    assert mended["intact"] is True
    assert [one["seq"] for one in mended["segments"]] == [1, 2, 3, 4]


async def test_the_chain_of_a_recorder_goes_over_its_visits(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    store(
        dispatch,
        arrived(ours, segment(1, visit="vis_before")),
        arrived(ours, segment(2, 1)),
        arrived(ours, segment(3, 2)),
    )
    said = await read(dispatch, ours, "recordings")
    assert [one["link"] for one in said["segments"]] == ["linked", "linked"]
    assert said["intact"] is True


async def test_nothing_recorded_is_an_empty_manifest(dispatch: Dispatch) -> None:
    said = await read(dispatch, dispatch.ours, "recordings")
    assert said == {
        "visit": dispatch.ours.visit,
        "intact": None,
        "duration_s": 0,
        "bytes": 0,
        "segments": [],
    }


@pytest.mark.parametrize("bound", [True, False])
async def test_another_organisations_recorder_fills_no_visit_of_ours(dispatch: Dispatch, bound: bool) -> None:
    ours, theirs = dispatch.ours, dispatch.theirs
    store(dispatch, arrived(theirs, segment(1, visit=ours.visit), bound=bound))
    assert (await read(dispatch, ours, "records"))["items"] == []
    assert (await read(dispatch, ours, "recordings"))["segments"] == []
    # One of our own that is bound to nobody may name the visit that it stands at.
    store(dispatch, arrived(ours, segment(2, visit=ours.visit), bound=False))
    assert len((await read(dispatch, ours, "records"))["items"]) == 1


async def test_reading_is_on_the_trail_and_strangers_read_nothing(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    await read(dispatch, ours, "records")
    await read(dispatch, ours, "recordings")
    with dispatch.database.reading() as connection:
        rows = connection.execute(select(audit).where(audit.c.subject == ours.visit)).all()
    read_by = [(row.action, row.actor) for row in rows if row.action.endswith("_read")]
    assert read_by == [(action, ours.logins["dispatcher"]) for action in ("records_read", "recordings_read")]
    async with dispatch.client(dispatch.theirs) as client:
        for what in ("records", "recordings"):
            assert (await client.get(f"/api/v1/visits/{ours.visit}/{what}")).status_code == 404


@pytest.mark.parametrize(("minutes", "kept"), [(-20, True), (-26, False), (119, True), (121, False)])
def test_what_names_no_visit_is_of_the_one_that_is_near(dispatch: Dispatch, minutes: int, kept: bool) -> None:
    note = reports.StepDone(time_ms=START_MS + minutes * 60_000, code="x")
    assert arrived(dispatch.ours, note).visit == (dispatch.ours.visit if kept else None)
