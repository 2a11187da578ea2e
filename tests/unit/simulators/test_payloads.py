"""Payloads: what simulated devices write is what the native codec reads, nothing doubted."""

from typing import get_args

import pytest

from devices import reports
from devices.codecs.native import read
from devices.topics import Channel
from simulators import payloads
from simulators.payloads import AlarmKind, EventKind, Measured

NOW_MS = 1_750_000_000_123
HERE = Measured(31.2291234567, 121.4641234567, 9.87, 1.35, 271.4)


def only(channel: Channel, payload: bytes) -> reports.Report:
    reading = read(channel, payload, 0)
    assert reading.faults == []
    [report] = reading.reports
    return report


def test_a_fix_is_read_with_all_that_it_says() -> None:
    report = only("location", payloads.fix(7, NOW_MS, HERE, 81.6))
    assert isinstance(report, reports.Fix)
    assert (report.seq, report.time_ms, report.battery_pct) == (7, NOW_MS, 82)
    assert report.position.lat == pytest.approx(HERE.lat, abs=1e-7)
    assert (report.position.accuracy_m, report.position.heading_deg) == (9.9, 271.4)


def test_a_list_of_fixes_is_read_in_order() -> None:
    payload = payloads.fixes([payloads.fix(seq, NOW_MS + seq, HERE) for seq in range(3)])
    reading = read("location", payload, 0)
    assert [report.seq for report in reading.reports] == [0, 1, 2]


@pytest.mark.parametrize("kind", get_args(AlarmKind))
def test_alarms_are_read_without_a_doubt(kind: AlarmKind) -> None:
    payload = payloads.message(kind, 3, NOW_MS, id="a-1", fix=payloads.position(HERE, NOW_MS), test=None)
    report = only("alarm", payload)
    assert isinstance(report, reports.AlarmBase)
    assert (report.seq, report.time_ms, report.alarm, report.doubts) == (3, NOW_MS, "a-1", ())
    assert report.position is not None


@pytest.mark.parametrize("kind", get_args(EventKind))
def test_events_are_read(kind: EventKind) -> None:
    report = only("event", payloads.message(kind, 4, NOW_MS, visit="vis_1", alarm="a-1", fix=None))
    assert isinstance(report, reports.EventBase)
    assert (report.seq, report.visit) == (4, "vis_1")


def test_the_status_and_the_last_will_are_read() -> None:
    there = only("status", payloads.status(9, NOW_MS, 81.6, -77.2, "sim"))
    gone = only("status", payloads.last_will())
    assert isinstance(there, reports.StatusReported)
    assert (there.online, there.battery_pct, there.signal_dbm, there.firmware) == (True, 82, -77, "sim")
    assert isinstance(gone, reports.StatusReported)
    assert (gone.online, gone.seq, gone.time_ms) == (False, None, 0)
