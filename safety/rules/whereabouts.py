"""Whereabouts: what every report says of where she is and how her device does; it raises nothing."""

from devices import reports
from ingest.records import Arrival
from safety.rules.effects import HearDevice


def hear(arrival: Arrival) -> HearDevice:
    """Return what a report that has no position says of its device."""
    report = arrival.report
    if isinstance(report, reports.StatusReported):
        return HearDevice(
            device=arrival.device,
            heard_ms=arrival.received_ms,
            online=True if report.online is None else report.online,
            battery_pct=report.battery_pct,
            signal_dbm=report.signal_dbm,
            firmware=report.firmware,
        )
    return HearDevice(device=arrival.device, heard_ms=arrival.received_ms, online=True)
