"""Geofences hold under repeats, delays, batches and positions anywhere on earth."""

import math
from typing import Any

import msgspec
import shapely
from hypothesis import given
from hypothesis import strategies as st

from devices import reports
from devices.reports import Position
from ingest.lanes import TELEMETRY
from ingest.records import encode
from safety.domain.fence import Circle, outline_of, shape_of
from safety.domain.local_metres import LocalMetres, apart_m
from safety.domain.plan import FencePlan, OrgPlan
from safety.engine import TelemetryEngine, engine_for, run
from safety.rules.effects import RaiseAlert
from tests.support.fences import of_org, place, square
from tests.support.records import PLAN, T0_MS, VISIT, arrival, at, fix

lats = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 89.99, -89.95, 85.0, 0.0]))
lons = st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, 180.0, 179.999, -179.999, 0.0]))
metres = st.sampled_from([0, 60, 170, 350, 700, 760, 1_500, 9_000])
accuracies = st.sampled_from([None, 0.0, 5.0, 40.0, 150.0, 900.0])


def exits(*records: Any) -> list[RaiseAlert]:
    engine = TelemetryEngine()
    found = [effect for record in records for effect in engine.step(record)]
    return [effect for effect in found if isinstance(effect, RaiseAlert) and effect.kind.startswith("fence")]


def ids(*records: Any) -> list[str]:
    return [alert.id for alert in exits(*records)]


@st.composite
def delayed(draw: st.DrawFn, count: int = 24, bound_s: int = 20) -> list[int]:
    """Return the numbers of fixes 10 s apart, none delivered after one that is more than `bound_s` newer."""
    delays = [draw(st.integers(0, bound_s)) for _ in range(count)]
    return sorted(range(count), key=lambda number: (10 * number + delays[number], number))


@given(order=delayed(), leaves_at=st.integers(6, 14))
def test_delays_within_the_dwell_change_no_alert(order: list[int], leaves_at: int) -> None:
    """She arrives, stays, and leaves for good: whichever way the fixes come in, it is the same alert."""

    def log(numbers: list[int]) -> list[Any]:
        return [
            fix(10 * number, 400 if number >= leaves_at else 10, received_s=300 + position)
            for position, number in enumerate(numbers)
        ]

    straight = list(range(len(order)))
    assert len(ids(PLAN, *log(straight))) == 1
    assert ids(PLAN, *log(order)) == ids(PLAN, *log(straight))


walks = st.lists(st.tuples(metres, accuracies, st.integers(5, 30)), max_size=30)
FENCES = of_org(
    square("in", "stay_in", 0, 1_000),
    square("out", "keep_out", 700, 100),
    FencePlan(
        id="way",
        mode="keep_out",
        geometry={"type": "LineString", "coordinates": [place(1_400, -500), place(1_600, 500)]},
        width_m=300.0,
    ),
)


def walk_of(steps: list[tuple[int, float | None, int]]) -> list[Any]:
    seconds, found = 0, []
    for north_m, accuracy_m, pause in steps:
        found.append(fix(seconds, north_m, accuracy_m=accuracy_m))
        seconds += pause
    return found


@given(steps=walks, data=st.data())
def test_repeats_change_nothing(steps: list[tuple[int, float | None, int]], data: Any) -> None:
    walk = walk_of(steps)
    repeated = []
    for index, record in enumerate(walk):
        repeated.append(record)
        if index and data.draw(st.booleans()):
            repeated.append(walk[data.draw(st.integers(max(0, index - 3), index))])
    straight, again = ids(PLAN, FENCES, *walk), ids(PLAN, FENCES, *repeated)
    assert len(again) == len(set(again))
    assert again == straight


@given(steps=walks, size=st.integers(1, 9), cut=st.integers(0, 30))
def test_batches_and_restarts_change_nothing(
    steps: list[tuple[int, float | None, int]], size: int, cut: int
) -> None:
    own = (square("yard", "stay_in", 250, 80), square("cellar", "keep_out", 60, 30))
    plan = msgspec.structs.replace(PLAN, visits=(msgspec.structs.replace(VISIT, fences=own),))
    log = [plan, FENCES, *walk_of(steps)]
    single, batched = engine_for(TELEMETRY), engine_for(TELEMETRY)
    expected = [effect for record in log for effect in single.step(record)]
    values = [encode(record) for record in log]
    found = []
    for start in range(0, len(values), size):
        if start <= cut < start + size:
            snapshot, batched = batched.snapshot(), engine_for(TELEMETRY)
            batched.restore(snapshot)
        found += run(batched, values[start : start + size])
    assert found == expected


@given(
    home=st.tuples(lats, lons),
    away=st.lists(st.tuples(lats, lons, accuracies), max_size=8),
    radius_m=st.sampled_from([1.0, 150.0, 100_000.0]),
    mode=st.sampled_from(["stay_in", "keep_out"]),
)
def test_nowhere_on_earth_does_it_break(
    home: tuple[float, float], away: list[tuple[float, float, float | None]], radius_m: float, mode: str
) -> None:
    lat, lon = home
    visit = msgspec.structs.replace(VISIT, lat=lat, lon=lon, radius_m=radius_m)
    around = FencePlan(
        id="a", mode=mode, geometry={"type": "Point", "coordinates": [lon, lat]}, radius_m=radius_m
    )
    line: dict[str, object] = {
        "type": "LineString",
        "coordinates": [[lon, lat], [lon, max(-90.0, min(90.0, lat - 0.01))]],
    }
    along = FencePlan(id="b", mode="keep_out", geometry=line, width_m=50.0)
    records: list[Any] = [
        msgspec.structs.replace(PLAN, visits=(visit,)),
        OrgPlan(org="org_1", fences=(around, along)),
    ]
    for number, (there_lat, there_lon, accuracy_m) in enumerate([(lat, lon, 5.0), (lat, lon, 5.0), *away]):
        position = Position(lat=there_lat, lon=there_lon, accuracy_m=accuracy_m)
        time_ms = T0_MS + number * 60_000
        records.append(arrival(reports.Fix(time_ms=time_ms, position=position), number * 60))
    engine = TelemetryEngine()
    for record in records:
        engine.step(record)
    assert engine.snapshot()


@given(lat=st.floats(-84, 84), lon=lons, turn=st.floats(0, math.tau), away_m=st.floats(1, 20_000))
def test_distances_are_those_on_the_ground(lat: float, lon: float, turn: float, away_m: float) -> None:
    """Against the great circle of a sphere: within its own error of 0.6 %."""
    there_lat = lat + away_m * math.cos(turn) / 111_320
    there_lon = (lon + away_m * math.sin(turn) / 111_320 / math.cos(math.radians(lat)) + 540) % 360 - 180
    phi, psi = math.radians(lat), math.radians(there_lat)
    half = math.sin((psi - phi) / 2) ** 2
    half += math.cos(phi) * math.cos(psi) * math.sin(math.radians(there_lon - lon) / 2) ** 2
    sphere_m = 2 * 6_371_000 * math.asin(math.sqrt(half))
    assert abs(apart_m(lat, lon, there_lat, there_lon) - sphere_m) <= 0.01 * sphere_m + 0.5


def test_across_the_antimeridian_and_a_pole_it_is_not_far() -> None:
    assert apart_m(10, 179.9999, 10, -179.9999) < 25
    assert apart_m(89.99, 0, 89.99, 180) < 2_300
    assert apart_m(-89.999, 10, -89.999, -170) < 230
    whole = shape_of(_cut_in_two())
    assert whole.outside_by_m(0.5, 180.0) < -50_000  # the cut is no edge
    assert whole.outside_by_m(0.5, -179.9) < 0 < whole.outside_by_m(0.5, -178.0)


def _cut_in_two() -> FencePlan:
    east = [[179, 0], [180, 0], [180, 1], [179, 1], [179, 0]]
    west = [[-180, 0], [-179, 0], [-179, 1], [-180, 1], [-180, 0]]
    return FencePlan(
        id="x", mode="stay_in", geometry={"type": "MultiPolygon", "coordinates": [[east], [west]]}
    )


@given(lat=lats, lon=lons, radius_m=st.floats(1, 100_000), turn=st.floats(0, math.tau), part=st.floats(0, 1))
def test_an_outline_holds_its_circle(
    lat: float, lon: float, radius_m: float, turn: float, part: float
) -> None:
    """What the index does not find is not looked at: the outline must miss nothing of the circle."""
    plan = FencePlan(
        id="c", mode="keep_out", geometry={"type": "Point", "coordinates": [lon, lat]}, radius_m=radius_m
    )
    outline = outline_of(plan)
    west, south, east, north = outline.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    local = LocalMetres(lat, lon)
    if local.polar or abs(lat) + radius_m / 111_000 > 85:
        return
    reach_m = part * radius_m * 0.999
    there_lat = lat + reach_m * math.cos(turn) / local.north_m
    there_lon = (lon + reach_m * math.sin(turn) / local.east_m + 540) % 360 - 180
    if Circle(lat, lon, radius_m).outside_by_m(there_lat, there_lon) < -0.01 and abs(there_lon) < 179.999999:
        assert shapely.distance(outline, shapely.Point(there_lon, there_lat)) < 1e-7


def test_a_batch_sees_what_a_single_step_sees() -> None:
    steps: list[tuple[int, float | None, int]] = [
        (north_m, 8.0, 10) for north_m in (10, 10, 700, 700, 700, 700, 1_500, 1_500, 1_500, 9_000)
    ]
    log = [PLAN, FENCES, *walk_of(steps)]
    single, batch = TelemetryEngine(), TelemetryEngine()
    values = [encode(record) for record in log]
    assert run(batch, values) == [effect for record in log for effect in single.step(record)]
    assert at(0) == T0_MS
