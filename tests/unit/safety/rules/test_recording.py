"""Recording: a recorder that should record during a visit and does not is told of, once, until it does."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import reports
from ingest.records import Arrival
from safety.domain.plan import DevicePlan, NursePlan
from safety.engine import TelemetryEngine
from safety.rules.effects import NoteAlert, RaiseAlert
from tests.support.days import noted, plan_of, raised, replace, run, status
from tests.support.records import VISIT, arrival, at, event, fix, tick, ticks

RECORDER = "dev_3"
CARRIED = (DevicePlan(id="dev_1", kind="phone"), DevicePlan(id=RECORDER, kind="recorder"))
QUIET: dict[str, Any] = {"phone_silent_s": None, "recorder_silent_s": None, "gps_lost_s": None}


def plan(org: dict[str, Any] | None = None, **visit: Any) -> NursePlan:
    made = plan_of(check_in_every_s=None, limits={**QUIET, **(org or {})})
    made = replace(made, visits=tuple(replace(each, **visit) for each in made.visits))
    return replace(made, devices=CARRIED)


def here(seconds: float = 1) -> Arrival:
    """She is at the address."""
    return fix(seconds, 10)


def starts(seconds: float, *, device: str = RECORDER, told_s: float | None = None) -> Arrival:
    return _record(reports.RecordingStarted, seconds, device, told_s)


def stops(seconds: float, *, device: str = RECORDER, told_s: float | None = None) -> Arrival:
    return _record(reports.RecordingStopped, seconds, device, told_s)


def segment(seconds: float, duration_s: float = 300, *, told_s: float | None = None) -> Arrival:
    fields = {"sha256": "0" * 64, "duration_s": duration_s, "size_bytes": 1, "uri": "recorder://r/1"}
    return _record(reports.SegmentRecorded, seconds, RECORDER, told_s, **fields)


def _record(kind: Any, seconds: float, device: str, told_s: float | None, **fields: Any) -> Arrival:
    return arrival(kind(time_ms=at(seconds if told_s is None else told_s), **fields), seconds, device)


def day(*records: Any, until: float = 3_600, start: float = 0) -> list[Any]:
    """The records and ticks between them, in order of receipt."""
    beats = ticks(start, until)
    return sorted([*beats, *records], key=lambda record: getattr(record, "at_ms", None) or record.received_ms)


def faults(*records: Any) -> list[tuple[str, int]]:
    """How and when recorders were told of, in seconds into the visit."""
    found = raised("device_fault", *records)
    return [(str(alert.why["how"]), round((alert.received_ms - VISIT.starts_ms) / 1000)) for alert in found]


def test_a_recorder_that_was_not_started_is_told_of_after_the_grace() -> None:
    (alert,) = raised("device_fault", plan(), *day(here()))
    assert (alert.severity, alert.device, alert.visit) == ("warning", RECORDER, "vis_1")
    assert faults(plan(), *day(here())) == [("not_recording", 305)]
    assert alert.why["allowed_s"] == 300
    assert faults(plan(), *day(here(), starts(290))) == []


def test_it_is_mended_when_it_runs_and_told_again_when_it_stops() -> None:
    records = day(here(), starts(400), stops(900), starts(1_000), stops(1_500))
    assert faults(plan(), *records) == [("not_recording", 305), ("recording_stopped", 1_800)]
    assert noted("device_fault", plan(), *records) == ["mended"]
    assert (
        noted("device_fault", plan(), *day(here(), starts(400), stops(900), starts(1_300))) == ["mended"] * 2
    )


def test_a_stop_that_is_made_good_in_time_is_nothing() -> None:
    assert faults(plan(), *day(here(), starts(10), stops(900), starts(1_195))) == []


def test_nobody_records_before_she_is_there() -> None:
    away = [fix(60 * minute, 5_000) for minute in range(-10, 12)]
    assert faults(plan(), *day(*away, fix(720, 5), start=-1_000)) == [("not_recording", 1_020)]
    assert faults(plan(), *day(*away, event(reports.VisitStarted, 600), start=-1_000, until=800)) == []


def test_without_a_position_the_plan_counts() -> None:
    assert faults(plan(), *day(start=-600)) == [("not_recording", 300)]


def test_after_the_visit_nobody_has_to_record() -> None:
    ended = event(reports.VisitEnded, 1_200)
    assert faults(plan(), *day(here(), starts(5), stops(1_100), ended, until=3_000)) == []
    left = event(reports.Left, 1_200)
    assert faults(plan(), *day(here(), starts(5), stops(1_100), left, until=3_000)) == []
    assert faults(plan(), *day(here(), starts(5), stops(3_400), until=5_000)) == []


def test_what_ran_before_the_visit_goes_on_running() -> None:
    assert faults(plan(), *day(starts(-100), here(), start=-200)) == []
    assert faults(plan(), *day(starts(-100), stops(-50), here(), start=-200)) == [("not_recording", 305)]


def test_segments_that_stay_away_are_a_stall() -> None:
    running = (here(), starts(5), segment(305), segment(605))
    alive = [status(60 * minute, RECORDER, online=True) for minute in range(1, 60)]
    assert faults(plan(), *day(*running, *alive)) == [("recording_stalled", 1_505)]
    assert noted("device_fault", plan(), *day(*running, *alive, segment(1_600))) == ["mended"]
    assert faults(plan(), *day(here(), starts(5), *alive)) == [], "it does not tell of segments"
    long = (here(), starts(5), segment(905, 900))
    assert faults(plan(), *day(*long)) == [("recording_stalled", 2_705)]


def test_silence_is_told_as_silence() -> None:
    limits = {"recorder_silent_s": 600.0}
    records = (plan(limits), *day(here(), starts(5), segment(305)))
    assert faults(*records) == []
    assert [alert.device for alert in raised("device_silent", *records)] == [RECORDER]


def test_what_comes_out_of_order_is_put_in_order() -> None:
    overtaken = day(here(), stops(900, told_s=899), starts(905, told_s=5), until=2_000)
    assert faults(plan(), *overtaken) == [("not_recording", 305)], "it runs no more"
    assert noted("device_fault", plan(), *overtaken) == []
    last = day(here(), starts(5), stops(900), segment(905, 300, told_s=900), until=1_300)
    assert faults(plan(), *last) == [("recording_stopped", 1_200)], "the last segment starts nothing"
    unheard = day(here(), starts(5), stops(900), segment(1_250, 300), until=3_000)
    assert faults(plan(), *unheard)[:1] == [("recording_stopped", 1_200)]
    again = day(here(), starts(5), stops(900), segment(1_190, 200), until=2_000)
    assert faults(plan(), *again) == [], "it was started again, and that report was lost"


def test_one_running_recorder_is_enough() -> None:
    both = replace(plan(), devices=(*CARRIED, DevicePlan(id="dev_4", kind="recorder")))
    assert faults(both, *day(here(), starts(5, device="dev_4"))) == []
    assert noted("device_fault", both, *day(here(), starts(400, device="dev_4"))) == ["mended"]
    assert len(faults(both, *day(here()))) == 1


@pytest.mark.parametrize(
    ("limits", "visit", "expected"),
    [
        ({"recording_grace_s": None}, {}, []),
        ({"recording_grace_s": 60}, {}, [("not_recording", 65)]),
        ({}, {"risk": "high"}, [("not_recording", 155)]),
        ({}, {"limits": {"recording_grace_s": None}}, []),
    ],
)
def test_the_limit_is_an_organisations_or_a_visits(
    limits: dict[str, Any], visit: dict[str, Any], expected: list[tuple[str, int]]
) -> None:
    assert faults(plan(limits, **visit), *day(here(), until=1_000)) == expected


def test_who_carries_no_recorder_has_none_to_start() -> None:
    without = plan_of(check_in_every_s=None, limits=QUIET)
    assert raised("device_fault", without, *day(here())) == []


def test_while_the_service_was_away_nobody_failed() -> None:
    deaf = [here(), *ticks(0, 100), *ticks(1_000, 1_200)]
    assert faults(plan(), *deaf[1:21], here(), *ticks(1_000, 1_050)) == []
    assert faults(plan(), *ticks(0, 100), here(101), *ticks(1_000, 1_100)) == [("not_recording", 1_060)]


SAYINGS = st.lists(
    st.tuples(
        st.sampled_from(["start", "stop", "segment", "status", "fix"]),
        st.integers(-600, 3_700),  # by its own clock
        st.integers(0, 400),  # later received
    ),
    max_size=25,
)


def spoken(sayings: list[tuple[str, int, int]]) -> list[Any]:
    made = {
        "start": lambda told, s: starts(s, told_s=told),
        "stop": lambda told, s: stops(s, told_s=told),
        "segment": lambda told, s: segment(s, told_s=told),
        "status": lambda told, s: status(s, RECORDER, told_s=told, online=True),
        "fix": lambda told, s: fix(told, 10, received_s=s),
    }
    said = [made[kind](told, told + delay) for kind, told, delay in sayings]
    return [plan(), *day(*said, start=-600, until=4_200)]


@settings(max_examples=40)
@given(SAYINGS)
def test_it_is_told_once_until_it_is_mended(sayings: list[tuple[str, int, int]]) -> None:
    open_alert: str | None = None
    for effect in run(*spoken(sayings)):
        if isinstance(effect, RaiseAlert) and str(effect.why.get("how")).startswith(
            ("not_rec", "recording_")
        ):
            assert open_alert is None
            open_alert = effect.id
            assert VISIT.starts_ms + 300_000 <= effect.received_ms <= VISIT.ends_ms + 5_000
        elif isinstance(effect, NoteAlert) and effect.alert == open_alert:
            open_alert = None


@settings(max_examples=40)
@given(SAYINGS)
def test_each_report_twice_changes_no_alert(sayings: list[tuple[str, int, int]]) -> None:
    once = spoken(sayings)
    twice = [
        again for record in once for again in ([record, record] if isinstance(record, Arrival) else [record])
    ]
    assert faults(*twice) == faults(*once)


@settings(max_examples=40)
@given(SAYINGS, st.integers(0, 900))
def test_a_restart_changes_nothing(sayings: list[tuple[str, int, int]], cut: int) -> None:
    records = spoken(sayings)
    engine = TelemetryEngine()
    effects = [effect for record in records[:cut] for effect in engine.step(record)]
    again = TelemetryEngine()
    again.restore(engine.snapshot())
    assert [*effects, *(e for record in records[cut:] for e in again.step(record))] == run(*records)


def test_a_tick_alone_is_enough() -> None:
    assert faults(plan(), tick(0), *ticks(5, 400)) == [("not_recording", 300)]
