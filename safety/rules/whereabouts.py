"""Whereabouts: what every report says of where she is and how her device does; it raises nothing."""

from devices import reports
from ingest.records import Arrival
from safety.rules.effects import HearDevice, PlacePosition
from safety.rules.sight import Sight


def hear(arrival: Arrival) -> HearDevice:
    """Return what the report says of its device."""
    report = arrival.report
    if isinstance(report, reports.StatusReported):
        return HearDevice(
            device=arrival.device,
            heard_ms=arrival.received_ms,
            online=report.online,
            battery_pct=report.battery_pct,
            signal_dbm=report.signal_dbm,
            firmware=report.firmware,
        )
    battery_pct = report.battery_pct if isinstance(report, reports.Fix) else None
    return HearDevice(
        device=arrival.device, heard_ms=arrival.received_ms, online=True, battery_pct=battery_pct
    )


def place(sight: Sight, visit: str | None, *, newest: bool) -> PlacePosition:
    """Return the effect that puts her on the map; during a visit it is a point of the track as well."""
    return PlacePosition(
        nurse=sight.nurse,
        org=sight.org,
        device=sight.device,
        visit=visit,
        position=sight.position,
        time_ms=sight.time_ms,
        received_ms=sight.received_ms,
        newest=newest,
        track=visit is not None,
    )
