"""Planned tests: the next alarm of a device is a test because people said so beforehand.

A button cannot say `test` itself. In doubt an alarm is real: only the first one of the device in the planned
time is a test, and only if it says nothing that speaks against it.
"""

from devices.reports import AlarmBase, DuressSignalled
from ingest.records import Arrival
from safety.domain.plan import DevicePlan, NursePlan

Value = str | int | float | bool | None


def meets(
    used: dict[str, int], arrival: Arrival, report: AlarmBase, plan: NursePlan | None
) -> dict[str, Value] | None:
    """Return what makes a new alarm the planned test of its device, None if it is real.

    `used` has, by device, the end of the planned time that an alarm has used up: whatever is pressed first
    ends it, so a second press is real.
    """
    planned = _planned(arrival, plan)
    if planned is None or planned.test_from_ms is None or planned.test_until_ms is None:
        return None
    if not planned.test_from_ms <= arrival.received_ms <= planned.test_until_ms:
        return None
    if used.get(arrival.device) == planned.test_until_ms:
        return None
    used[arrival.device] = planned.test_until_ms
    # What was pressed before the test was planned, and only came in now, is no test; nor is what is meant
    # to go unseen, or what cannot be read well enough to tell.
    is_meant = planned.test_from_ms <= report.time_ms <= planned.test_until_ms
    if not is_meant or report.silent or report.doubts or isinstance(report, DuressSignalled):
        return None
    return {"how": "planned_test", "planned_ms": planned.test_from_ms}


def _planned(arrival: Arrival, plan: NursePlan | None) -> DevicePlan | None:
    if plan is None:
        return None
    return next((device for device in plan.devices if device.id == arrival.device), None)
