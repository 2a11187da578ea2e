"""The engine is a function of its log: batches, restarts and repeats change nothing."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from devices import reports
from ingest.lanes import ALARMS, LANES, TELEMETRY
from ingest.records import encode
from safety.domain.plan import FencePlan, OrgPlan
from safety.engine import decode, engine_for, run
from safety.rules.effects import RaiseAlert
from tests.support.records import HOME_LAT, HOME_LON, PLAN, arrival, event, fall, fix, panic, tick


def _square(id: str, mode: str, half_degrees: float) -> FencePlan:
    west, south, east, north = (
        HOME_LON - half_degrees,
        HOME_LAT - half_degrees,
        HOME_LON + half_degrees,
        HOME_LAT + half_degrees,
    )
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return FencePlan(id=id, mode=mode, geometry={"type": "Polygon", "coordinates": [ring]})


FENCES = OrgPlan(org="org_1", fences=(_square("in", "stay_in", 0.02), _square("out", "keep_out", 0.0012)))

seconds = st.integers(0, 4_000)
ids = st.sampled_from(["a1", "a2", None])
seqs = st.sampled_from([None, 1, 2])

anything = st.one_of(
    seconds.map(tick),
    st.builds(fix, seconds, st.sampled_from([0, 100, 200, 400, 5_000]), received_s=seconds),
    st.builds(panic, seconds, received_s=seconds, alarm=ids, seq=seqs),
    st.builds(fall, seconds, alarm=ids, seq=seqs),
    st.builds(
        event,
        st.sampled_from(
            [reports.CheckedIn, reports.VisitEnded, reports.VisitStarted, reports.AlarmCancelled]
        ),
        seconds,
    ),
    st.builds(
        lambda s, online: arrival(reports.StatusReported(time_ms=0, online=online), s), seconds, st.booleans()
    ),
)
logs = st.lists(anything, max_size=60).map(lambda records: [PLAN, FENCES, *sorted(records, key=_when)])


def _when(record: Any) -> int:
    return int(record.at_ms if hasattr(record, "at_ms") else record.received_ms)


@given(log=logs, cuts=st.sets(st.integers(0, 60)), lane=st.sampled_from(LANES))
def test_restarts_anywhere_change_nothing(log: list[Any], cuts: set[int], lane: str) -> None:
    straight, restarted = engine_for(lane), engine_for(lane)
    for index, record in enumerate(log):
        if index in cuts:
            snapshot = restarted.snapshot()
            restarted = engine_for(lane)
            restarted.restore(snapshot)
        assert restarted.step(record) == straight.step(record)


@given(log=logs, size=st.integers(1, 20), lane=st.sampled_from(LANES))
def test_batches_change_nothing(log: list[Any], size: int, lane: str) -> None:
    values = [encode(record) for record in log]
    one_by_one, batched = engine_for(lane), engine_for(lane)
    expected = [effect for record in log for effect in one_by_one.step(record)]
    batches = (values[start : start + size] for start in range(0, len(values), size))
    assert [effect for batch in batches for effect in run(batched, batch)] == expected


@given(log=logs, data=st.data(), lane=st.sampled_from(LANES))
def test_repeated_deliveries_raise_nothing_new(log: list[Any], data: Any, lane: str) -> None:
    """Ingest may append a message twice when it was killed before it acknowledged."""
    repeated: list[Any] = []
    for record in log:
        repeated.append(record)
        if data.draw(st.booleans()):
            repeated.append(record)
    assert _raised(lane, repeated) == _raised(lane, log)


@given(log=logs)
def test_every_alarm_has_an_alert(log: list[Any]) -> None:
    alarms = [record for record in log if isinstance(getattr(record, "report", None), reports.AlarmBase)]
    engine = engine_for(ALARMS)
    for record in log:
        effects = engine.step(record)
        if record in alarms:
            assert effects, "an alarm without an effect"


@given(log=logs)
def test_records_survive_the_log(log: list[Any]) -> None:
    assert [decode(encode(record)) for record in log] == log


def test_a_snapshot_is_the_same_bytes_after_a_restore() -> None:
    engine = engine_for(TELEMETRY)
    for record in (PLAN, tick(0), fix(10, 10), fix(20, 400), tick(25)):
        engine.step(record)
    restored = engine_for(TELEMETRY)
    restored.restore(engine.snapshot())
    assert restored.snapshot() == engine.snapshot()
    assert msgspec.msgpack.decode(engine.snapshot())


def _raised(lane: str, log: list[Any]) -> list[str]:
    engine = engine_for(lane)
    return [e.id for record in log for e in engine.step(record) if isinstance(e, RaiseAlert)]
