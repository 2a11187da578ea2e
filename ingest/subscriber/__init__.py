"""The reading side of MQTT: what devices publish, handed to admission and acknowledged once it is durable."""

from ingest.subscriber.subscriber import (
    ALARM_LANE,
    MIXED_LANE,
    SUBSCRIBER_LANES,
    TELEMETRY_LANE,
    Admission,
    Subscriber,
    SubscriberLane,
)

__all__ = [
    "ALARM_LANE",
    "MIXED_LANE",
    "SUBSCRIBER_LANES",
    "TELEMETRY_LANE",
    "Admission",
    "Subscriber",
    "SubscriberLane",
]
