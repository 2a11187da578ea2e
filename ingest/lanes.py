"""The lanes: the topics of the log, and which of them a report travels on (ADR 0003)."""

from devices.reports import Report

ALARMS = "alarms"
TELEMETRY = "telemetry"
DEAD_LETTERS = "dead_letters"

LANES = (ALARMS, TELEMETRY)


def lanes_of(report: Report) -> tuple[str, ...]:
    """Return the lanes of `report`, the most urgent first.

    Telemetry holds every report in order. What a person did travels on the alarm lane as well, so that
    it never queues behind locations.
    """
    return LANES if report.urgent else (TELEMETRY,)
