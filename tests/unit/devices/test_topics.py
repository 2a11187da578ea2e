"""Topics: who may publish what, and that each message that may come has exactly one lane that reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import topics
from ingest.subscriber import ALARM_LANE, SUBSCRIBER_LANES

OWN = [
    "vigil/v1/dev_a/alarm",
    "vigil/v1/dev_a/status",
    "owntracks/dev_a/phone",
    "owntracks/dev_a/phone/event",
    "owntracks/dev_a/phone/waypoint",
    "traccar/dev_a/positions",
    "traccar/dev_a/events",
    "platform/dev_a/jt808",
    "platform/dev_a/gb28181",
]
NOBODYS = [
    "",
    "weather",
    "vigil/v1/dev_a/down",
    "vigil/v1/dev_a/alarm/loud",
    "owntracks/dev_a",
    "owntracks/dev_a/",
    "owntracks/dev_a//event",
    "owntracks/dev_a/phone/cmd",
    "owntracks/dev_a/phone/event/more",
    "owntracks//phone",
    "traccar/dev_a",
    "traccar/dev_a/gossip",
    "platform/dev_a/morse",
    "application/7/device/0101/event/gossip",
    "application/7/device/0101/command/down",
    "application//device/0101/event/up",
    "$vigil/brought/gtw/application/7/device/0101/event/up",
]


def matches(topic_filter: str, topic: str) -> bool:
    wanted, levels = topic_filter.split("/"), topic.split("/")
    return len(wanted) == len(levels) and all(
        one in {"+", two} for one, two in zip(wanted, levels, strict=True)
    )


def lanes_of(topic: str) -> list[str]:
    return [lane.name for lane in SUBSCRIBER_LANES for one in lane.filters if matches(one, topic)]


@pytest.mark.parametrize("topic", OWN)
def test_a_device_publishes_below_its_own_name_only(topic: str) -> None:
    assert topics.may_publish("dev_a", topic)
    assert not topics.may_publish("dev_b", topic)
    assert not topics.names_external(topic)


@pytest.mark.parametrize("topic", NOBODYS)
def test_elsewhere_nobody_publishes(topic: str) -> None:
    assert topics.address(topic) is None
    assert not topics.may_publish("dev_a", topic)
    assert not topics.names_external(topic)


def test_chirpstack_names_its_devices_itself() -> None:
    topic = "application/7/device/24e124535b316056/event/up"
    assert topics.address(topic) == topics.Address("external", "24e124535b316056", "chirpstack", "up")
    assert topics.names_external(topic)
    assert not topics.may_publish("24e124535b316056", topic)
    assert lanes_of(topic) == [ALARM_LANE.name]


@pytest.mark.parametrize(
    ("topic_filter", "allowed"),
    [
        ("vigil/v1/dev_a/down", True),
        ("vigil/v1/dev_b/down", False),
        ("vigil/v1/+/down", False),
        ("owntracks/dev_a/phone/cmd", True),
        ("owntracks/dev_a/+/cmd", True),
        ("owntracks/dev_b/phone/cmd", False),
        ("owntracks/+/+/cmd", False),
        ("owntracks/+/+", False),
        ("owntracks/dev_a/phone", False),
        ("owntracks/dev_a/#", False),
        ("application/+/device/+/command/+", True),
        ("application/+/device/+/event/+", False),
        ("#", False),
    ],
)
def test_a_device_hears_what_itself_is_told(topic_filter: str, allowed: bool) -> None:
    assert topics.may_subscribe("dev_a", topic_filter) is allowed


WORDS = """
    vigil v1 dev_a owntracks application device event up join traccar positions platform jt808 alarm cmd
    command + #
"""
words = st.sampled_from(["", *WORDS.split()])


@given(st.lists(words, min_size=1, max_size=6).map("/".join) | st.sampled_from(OWN))
def test_whatever_may_be_published_has_one_lane_that_reads_it(topic: str) -> None:
    read = lanes_of(topic)
    assert len(read) <= 1
    # What may be published and is read by nobody would never be acknowledged.
    if topics.address(topic) is not None:
        assert len(read) == 1
