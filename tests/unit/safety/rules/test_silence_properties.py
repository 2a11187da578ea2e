"""Silence against its own definition: told once when nothing came for too long, and not before."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from safety.domain.plan import DevicePlan
from safety.engine import TelemetryEngine
from safety.rules.effects import NoteAlert, RaiseAlert
from tests.support.days import plan_of, replace, status
from tests.support.records import at, tick

ALLOWED_S, OFFLINE_S, END_S = 180, 30, 3_600
QUIET: dict[str, Any] = {"arrival_grace_s": 14_400.0, "overrun_grace_s": 14_400.0, "gps_lost_s": None}
PLAN = replace(plan_of(check_in_every_s=None, limits=QUIET), devices=(DevicePlan(id="dev_1", kind="phone"),))

times = st.sets(st.integers(1, END_S - 1), max_size=30).map(sorted)


def day(heard: list[tuple[int, bool]], *, until_s: int = END_S + 10) -> list[Any]:
    """A tick each second, and after it what came in at that second: a report, or the last will."""
    by_second: dict[int, list[Any]] = {}
    for second, online in heard:
        by_second.setdefault(second, []).append(status(second, online=online))
    found: list[Any] = [PLAN]
    for second in range(until_s):
        found += [tick(second), *by_second.get(second, ())]
    return found


def silent(records: list[Any]) -> list[int]:
    """When it was told that the device is silent, in seconds."""
    engine = TelemetryEngine()
    effects = [effect for record in records for effect in engine.step(record)]
    found = [
        effect for effect in effects if isinstance(effect, RaiseAlert) and effect.kind == "device_silent"
    ]
    assert len({alert.id for alert in found}) == len(found)
    assert all(alert.occurred_ms <= alert.received_ms for alert in found)
    return [(alert.received_ms - at(0)) // 1000 for alert in found]


@settings(max_examples=30, deadline=None)
@given(heard=times)
def test_it_is_told_exactly_when_it_was_silent_for_too_long(heard: list[int]) -> None:
    gaps = zip([0, *heard], [*heard, END_S + 1], strict=True)
    expected = [since + ALLOWED_S for since, until in gaps if until >= since + ALLOWED_S]
    expected = [second for second in expected if second <= END_S]
    assert silent(day([(second, True) for second in heard])) == expected


@settings(max_examples=30, deadline=None)
@given(drops=st.sets(st.integers(1, 100), max_size=12).map(sorted))
def test_a_flapping_connection_is_never_told_that_comes_back_in_time(drops: list[int]) -> None:
    """Down for 29 s, up again, as often as it likes."""
    heard = [pair for drop in drops for pair in ((35 * drop, False), (35 * drop + 29, True))]
    heard += [(second, True) for second in range(10, END_S, 60)]
    assert silent(day(sorted(set(heard)))) == []


@settings(max_examples=30, deadline=None)
@given(gone=st.integers(1, 1_700), before=st.integers(0, 6))
def test_a_last_will_counts_after_a_while_and_longer_the_more_there_were(gone: int, before: int) -> None:
    heard = [pair for n in range(before) for pair in ((3 * n + 1, False), (3 * n + 2, True))]
    start = 3 * before + gone
    told = silent(day([*heard, (start, True), (start, False)], until_s=END_S))
    waited = min(OFFLINE_S * 2 ** min(before, 4), ALLOWED_S)
    expected = start + waited
    # What the silence before it told is told at its last second at the latest.
    assert [second for second in told if second > start] == [expected][: expected < END_S]


@settings(max_examples=30, deadline=None)
@given(heard=times, data=st.data())
def test_repeats_and_restarts_change_nothing(heard: list[int], data: st.DataObject) -> None:
    straight = day([(second, True) for second in heard])
    cuts = data.draw(st.sets(st.integers(0, len(straight)), max_size=4))
    whole, restarted = TelemetryEngine(), TelemetryEngine()
    ids: list[str] = []
    for index, record in enumerate(straight):
        if index in cuts:
            snapshot, restarted = restarted.snapshot(), TelemetryEngine()
            restarted.restore(snapshot)
        effects = whole.step(record)
        again = restarted.step(record)
        assert again == effects
        # Delivered twice: what was said is said already.
        twice = [effect for effect in restarted.step(record) if isinstance(effect, RaiseAlert | NoteAlert)]
        assert twice == []
        ids += [effect.id for effect in effects if isinstance(effect, RaiseAlert)]
    assert len(ids) == len(set(ids))
