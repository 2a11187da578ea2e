"""Work records: what a recorder notes is kept, with the visit that it is of."""

from devices import reports
from devices.identity import derived_id
from ingest.records import Arrival
from safety.domain.plan import NursePlan
from safety.rules.effects import KeepRecord, RecordKind
from safety.rules.times import plausible_ms

LEAD_MS = 15 * 60_000
LAG_MS = 60 * 60_000
"""So long before and after its time what names no visit is still of it: she comes early, and writes later."""

_KINDS: dict[type[reports.RecordBase], RecordKind] = {
    reports.RecordingStarted: "recording_started",
    reports.RecordingStopped: "recording_stopped",
    reports.SegmentRecorded: "segment",
    reports.StepDone: "step",
    reports.SatisfactionGiven: "satisfaction",
}
_OF_ALL = frozenset({"time_ms", "seq", "visit", "material"})


def keep(arrival: Arrival, report: reports.RecordBase, plan: NursePlan | None) -> KeepRecord:
    """Return the record of the `report` in `arrival`; the same message again gives the same one."""
    kind = report.material if isinstance(report, reports.MaterialUsed) else _KINDS[type(report)]
    fields = {name: getattr(report, name) for name in report.__struct_fields__}
    detail = {name: value for name, value in fields.items() if name not in _OF_ALL and value is not None}
    said_ms, _ = plausible_ms(report.time_ms, arrival.received_ms)
    return KeepRecord(
        # Two notes of one moment may differ in nothing but what they say.
        id=derived_id(
            "record", arrival.event_id, kind, *(f"{name}={detail[name]}" for name in sorted(detail))
        ),
        org=arrival.org,
        nurse=arrival.nurse,
        device=arrival.device,
        visit=report.visit if report.visit is not None else _visit_at(plan, said_ms),
        kind=kind,
        time_ms=report.time_ms,
        received_ms=arrival.received_ms,
        seq=report.seq,
        detail=detail,
    )


def _visit_at(plan: NursePlan | None, said_ms: int) -> str | None:
    """Return the visit that was on, or the one that was about to be or had just been."""
    if plan is None:
        return None
    on = plan.visit_at(said_ms)
    near = [one for one in plan.visits if one.starts_ms - LEAD_MS <= said_ms <= one.ends_ms + LAG_MS]
    return on.id if on is not None else near[-1].id if near else None
