"""Meter: what an outside broker lets through is measured here; an alarm always passes."""

from devices.clock import ManualClock
from ingest.limits import BURST_S, Limits
from ingest.refused import HEAD_BYTES
from ingest.subscriber.meter import Measured, Meter

LIMITS = Limits(messages_per_s=1, payload_bytes=10_000, backlog_s=BURST_S)
BURST = int(BURST_S)
LOCATION, ALARM = "vigil/v1/dev_a/location", "vigil/v1/dev_a/alarm"


def flooded() -> tuple[Meter, ManualClock]:
    clock = ManualClock()
    meter = Meter(LIMITS, clock)
    for _ in range(BURST):
        assert meter.measure(LOCATION, b"x") == Measured(b"x")
    return meter, clock


def test_a_flood_is_told_once_a_minute_and_counted_whole() -> None:
    meter, clock = flooded()
    first = meter.measure(LOCATION, b"more")
    assert first.payload is None
    assert first.refused is not None
    assert (first.refused.reason, first.refused.device) == ("flood", "dev_a")
    assert meter.measure(LOCATION, b"more") == Measured(None, None)
    assert meter.dropped == 2
    clock.advance_s(10)
    assert meter.measure(LOCATION, b"calm") == Measured(b"calm")


def test_an_alarm_another_device_and_another_dialect_pass() -> None:
    meter, _ = flooded()
    for topic in (ALARM, "vigil/v1/dev_a/event", "vigil/v1/dev_b/location", "owntracks/dev_a/phone"):
        assert meter.measure(topic, b"x") == Measured(b"x")
    assert meter.dropped == 0


def test_of_what_is_too_large_the_head_is_kept_and_of_an_alarm_admitted() -> None:
    meter = Meter(LIMITS, ManualClock())
    for topic, admitted in ((LOCATION, None), (ALARM, HEAD_BYTES), ("owntracks/dev_a/phone", HEAD_BYTES)):
        measured = meter.measure(topic, b"x" * 20_000)
        assert measured.refused is not None
        assert measured.refused.reason == "too_large"
        assert len(measured.refused.payload) == HEAD_BYTES
        assert (None if measured.payload is None else len(measured.payload)) == admitted


def test_what_an_hour_without_ingest_left_in_the_broker_is_taken_in() -> None:
    meter = Meter(Limits(), ManualClock())
    kept = int(Limits().messages_per_s * 3_600)
    assert all(meter.measure(LOCATION, b"{}").payload == b"{}" for _ in range(kept))
