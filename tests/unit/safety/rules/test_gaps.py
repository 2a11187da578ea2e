"""Gaps: what is missing is asked for once, after a while; what only comes late is not asked for."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import reports
from ingest.records import Arrival
from safety.engine import TelemetryEngine
from safety.rules import gaps
from safety.rules.device import DeviceState
from safety.rules.effects import TellDevice
from safety.rules.gaps import GRACE_MS, MAX_ASKED, MAX_ASKS, MAX_GAPS, MAX_JUMP
from safety.rules.limits import limits_of
from safety.rules.phases import Phase
from tests.support.days import plan_of, replace, run
from tests.support.records import PLAN, T0_MS, VISIT, arrival, at, position, tick, ticks

QUIET = plan_of(check_in_every_s=None)
GRACE_S = GRACE_MS // 1000
PHASE = Phase("visit", VISIT, VISIT.starts_ms, VISIT.ends_ms, limits_of(PLAN, VISIT))


def said(
    seconds: float, seq: int | None, *, device: str = "dev_1", received_s: float | None = None
) -> Arrival:
    """A fix at the address with the number `seq`, taken `seconds` into the visit."""
    report = reports.Fix(seq=seq, time_ms=at(seconds), position=position(10))
    return arrival(report, seconds if received_s is None else received_s, device)


def asked(*records: Any) -> list[tuple[int, int]]:
    """Return the ranges that dev_1 and others were asked for."""
    told = [effect for effect in run(QUIET, *records) if isinstance(effect, TellDevice)]
    assert {each.kind for each in told} <= {"resend"}
    return [(int(each.details["first_seq"] or 0), int(each.details["last_seq"] or 0)) for each in told]


def numbered(start_s: int, *seqs: int) -> list[Arrival]:
    return [said(start_s + place, seq) for place, seq in enumerate(seqs)]


def test_what_is_missing_is_asked_for_once_after_the_grace() -> None:
    lost = (tick(0), *numbered(1, 10, 11, 15, 16))
    assert asked(*lost, *ticks(5, GRACE_S)) == []
    assert asked(*lost, *ticks(5, GRACE_S + 300), said(400, 17), *ticks(405, 700)) == [(12, 14)]


def test_what_only_comes_late_is_not_asked_for() -> None:
    late = (tick(0), *numbered(1, 10, 13), said(2, 12, received_s=9), said(2, 11, received_s=20))
    assert asked(*late, *ticks(25, 300)) == []
    partly = (tick(0), *numbered(1, 10, 15), said(2, 12, received_s=9))
    assert asked(*partly, *ticks(25, 300)) == [(11, 11), (13, 14)]


def test_a_counter_that_starts_again_is_no_gap() -> None:
    assert asked(tick(0), *numbered(1, 500, 501, 0, 1, 2), *ticks(10, 300)) == []
    kept = (said(9, 2, received_s=9), said(0.5, 499, received_s=10), said(0.7, 520, received_s=11))
    assert asked(tick(0), *numbered(1, 500, 501, 0, 1), *kept, said(12, 3), *ticks(15, 300)) == []
    assert asked(tick(0), *numbered(1, 500, 501, 0, 1, 4), *ticks(10, 300)) == [(2, 3)]


def test_a_repeated_alarm_and_a_retained_status_are_no_reset() -> None:
    for again in (reports.PanicPressed(time_ms=at(5), seq=3), reports.StatusReported(time_ms=at(5), seq=0)):
        assert asked(tick(0), *numbered(1, 3, 4, 5), arrival(again, 5), said(6, 6), *ticks(10, 300)) == []


def test_reports_without_numbers_and_buttons_are_asked_for_nothing() -> None:
    assert asked(tick(0), said(1, None), said(2, 9), said(3, None), said(4, 10), *ticks(5, 300)) == []
    presses = [
        arrival(reports.PanicPressed(time_ms=at(s), seq=s * 10, alarm=str(s)), s, "dev_2")
        for s in range(1, 9)
    ]
    assert asked(tick(0), *presses, *ticks(10, 300)) == []


def test_off_duty_nothing_is_asked_for() -> None:
    home = (tick(-7_300), *[said(-7_200 + seq, seq, received_s=-7_200 + seq) for seq in (1, 2, 9)])
    assert asked(*home, *ticks(-7_100, 600)) == []


def test_requests_are_bounded() -> None:
    assert asked(tick(0), *numbered(1, 0, 5_001), *ticks(5, 300)) == [(5_001 - MAX_ASKED, 5_000)]
    assert asked(tick(0), *numbered(1, 0, MAX_JUMP + 2), *ticks(5, 300)) == []
    deaf = [
        record for n in range(20) for record in (said(60 * n + 1, 3 * n), *ticks(60 * n + 5, 60 * n + 60))
    ]
    assert len(asked(tick(0), *deaf)) == MAX_ASKS
    answering = [
        record
        for n in range(1, 12)
        for record in (
            said(60 * n + 1, 3 * n),
            *ticks(60 * n + 5, 60 * n + 45),
            said(60 * n, 3 * n - 2, received_s=60 * n + 46),
            said(60 * n, 3 * n - 1, received_s=60 * n + 46),
        )
    ]
    assert len(asked(tick(0), said(0, 0), *answering)) == 11


def test_the_next_day_it_is_asked_again() -> None:
    long = replace(QUIET, visits=(replace(QUIET.visits[0], ends_ms=T0_MS + 3 * 86_400_000),))
    deaf = [r for n in range(10) for r in (said(60 * n + 1, 3 * n), *ticks(60 * n + 5, 60 * n + 60))]
    later = 25 * 3_600
    again = (said(later, 100), *ticks(later + 1, later + 60))
    told = [e for e in run(long, tick(0), *deaf, *again) if isinstance(e, TellDevice)]
    assert [each.details["last_seq"] for each in told][-2:] == [14, 99]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Arrival], set[int], int]:
    """Fixes of one run of a counter as a network delivers them: lost, doubled and out of order."""
    count = draw(st.integers(2, 40))
    fates = draw(st.lists(st.sampled_from("ttttttld"), min_size=count, max_size=count))
    fates[0] = fates[-1] = "t"
    delays = draw(st.lists(st.integers(0, 5_000), min_size=2 * count, max_size=2 * count))
    flights = [
        (seq * 1000 + delays[2 * seq + again], seq)
        for seq in range(count)
        for again in range({"l": 0, "t": 1, "d": 2}[fates[seq]])
    ]
    lost = {seq for seq in range(count) if fates[seq] == "l"}
    arrivals = [said(1 + seq, seq, received_s=1 + due / 1000) for due, seq in sorted(flights)]
    return arrivals, lost, count


@settings(max_examples=40)
@given(deliveries())
def test_only_what_was_lost_is_asked_for(delivered: tuple[list[Arrival], set[int], int]) -> None:
    arrivals, lost, _ = delivered
    first = arrivals[0].report.seq or 0
    ranges = asked(tick(0), *arrivals, *ticks(60, 300))
    wanted = [seq for start, end in ranges for seq in range(start, end + 1)]
    assert len(wanted) == len(set(wanted)), "nothing is asked for twice"
    assert set(wanted) <= {seq for seq in lost if seq > first}
    if len(ranges) < min(MAX_GAPS, MAX_ASKS):
        assert set(wanted) == {seq for seq in lost if seq > first}


@settings(max_examples=40)
@given(deliveries(), st.integers(0, 40))
def test_a_restart_changes_nothing(delivered: tuple[list[Arrival], set[int], int], cut: int) -> None:
    records: list[Any] = [QUIET, tick(0), *delivered[0], *ticks(60, 120)]
    engine = TelemetryEngine()
    before = [effect for record in records[:cut] for effect in engine.step(record)]
    again = TelemetryEngine()
    again.restore(engine.snapshot())
    assert [*before, *(e for record in records[cut:] for e in again.step(record))] == run(*records)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 120)), max_size=60))
def test_whatever_comes_the_state_stays_small_and_the_clock_is_never_stuck(
    told: list[tuple[int, int]],
) -> None:
    state = DeviceState(kind="phone")
    now_ms = T0_MS
    for seq, second in told:
        now_ms += 1_000
        report = reports.Fix(seq=seq, time_ms=at(second), position=position(1))
        gaps.step(state, Arrival("dev_1", "nur_1", "org_1", now_ms, report))
        for one in gaps.on_tick(state, "dev_1", PHASE, now_ms):
            assert 0 <= int(one.details["first_seq"] or 0) <= int(one.details["last_seq"] or 0) < state.seq
        wake_ms = gaps.wake_ms(state, PHASE)
        assert wake_ms is None or wake_ms > now_ms
        assert len(state.gaps) <= MAX_GAPS
        assert all(gap.first <= gap.last < state.seq for gap in state.gaps)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=DeviceState) == state
