"""Whereabouts: what every report says of where she is and how her device does; it raises nothing."""

from devices import reports
from devices.reports import Position
from ingest.records import Arrival
from safety.rules.effects import Effect, HearDevice, PlacePosition
from safety.rules.geofence import Sight
from safety.rules.times import plausible_ms


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


def sight_of(arrival: Arrival) -> Sight | None:
    """Return the position in the report, placed in believable time; None if it has none."""
    report = arrival.report
    position = getattr(report, "position", None)
    if arrival.nurse is None or not isinstance(position, Position):
        return None
    told_ms = position.time_ms if position.time_ms is not None else report.time_ms
    time_ms, _doubts = plausible_ms(told_ms, arrival.received_ms)
    return Sight(
        position=position,
        time_ms=time_ms,
        received_ms=arrival.received_ms,
        event=arrival.event_id,
        nurse=arrival.nurse,
        org=arrival.org,
        device=arrival.device,
    )


def place(sight: Sight, visit: str | None, *, newest: bool) -> Effect:
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
