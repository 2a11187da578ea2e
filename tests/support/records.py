"""Records for the engine's tests: nurses, visits, and reports a few metres or minutes apart."""

from typing import Any

from devices import reports
from devices.reports import Position, Report
from ingest.records import Arrival, Tick
from safety.domain.plan import DevicePlan, NursePlan, VisitPlan

T0_MS = 1_795_352_400_000
HOME_LAT, HOME_LON = 31.2304, 121.4737
METRES_PER_DEGREE = 110_900.0  # of latitude, near Shanghai

VISIT = VisitPlan(
    id="vis_1",
    lat=HOME_LAT,
    lon=HOME_LON,
    radius_m=150.0,
    starts_ms=T0_MS,
    ends_ms=T0_MS + 3_600_000,
    check_in_every_s=1_800.0,
)
PLAN = NursePlan(
    nurse="nur_1",
    org="org_1",
    visits=(VISIT,),
    devices=(DevicePlan(id="dev_1", kind="phone"), DevicePlan(id="dev_2", kind="button")),
)


def at(seconds: float) -> int:
    """Return the epoch milliseconds of `seconds` into the visit."""
    return T0_MS + round(seconds * 1000)


def tick(seconds: float) -> Tick:
    return Tick(at_ms=at(seconds))


def ticks(start: float, end: float) -> list[Tick]:
    """Ticks every 5 s, none of them a gap, from `start` to `end` seconds into the visit."""
    return [tick(seconds) for seconds in range(int(start), int(end) + 1, 5)]


def arrival(report: Report, received_s: float, device: str = "dev_1") -> Arrival:
    return Arrival(device=device, nurse="nur_1", org="org_1", received_ms=at(received_s), report=report)


def position(north_m: float, accuracy_m: float | None = 8.0) -> Position:
    return Position(lat=HOME_LAT + north_m / METRES_PER_DEGREE, lon=HOME_LON, accuracy_m=accuracy_m)


def fix(
    seconds: float, north_m: float, *, accuracy_m: float | None = 8.0, received_s: float | None = None
) -> Arrival:
    """A fix of dev_1 `north_m` metres north of the address, taken `seconds` into the visit."""
    report = reports.Fix(seq=round(seconds * 10), time_ms=at(seconds), position=position(north_m, accuracy_m))
    return arrival(report, seconds if received_s is None else received_s)


def panic(
    seconds: float, *, received_s: float | None = None, device: str = "dev_1", **fields: Any
) -> Arrival:
    """A panic pressed `seconds` into the visit."""
    report = reports.PanicPressed(time_ms=at(seconds), **fields)
    return arrival(report, seconds if received_s is None else received_s, device)


def fall(seconds: float, **fields: Any) -> Arrival:
    return arrival(reports.FallDetected(time_ms=at(seconds), **fields), seconds)


def event(kind: type[Any], seconds: float, **fields: Any) -> Arrival:
    """An event of dev_1, e.g. `event(reports.CheckedIn, 60)`."""
    return arrival(kind(time_ms=at(seconds), **fields), seconds)
