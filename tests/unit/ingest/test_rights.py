"""Rights: the lists that an outside broker gets say what the embedded broker's guard says."""

from hypothesis import given
from hypothesis import strategies as st

from devices import topics
from ingest.broker.guard import Login
from ingest.rights import Rights, device_rights, ingest_rights
from ingest.subscriber import SUBSCRIBER_LANES

CHANNELS = sorted(topics.CHANNELS)
LEVELS = st.sampled_from(
    [
        "vigil",
        "v1",
        "dev_a",
        "dev_b",
        "alarm",
        "location",
        "status",
        "event",
        "record",
        "down",
        "x",
        "$SYS",
        "owntracks",
        "phone",
        "traccar",
        "positions",
        "events",
        "platform",
        "jt808",
        "gb28181",
        "application",
        "device",
        "ext_a",
        "up",
        "join",
    ]
)
TOPICS = st.lists(LEVELS, min_size=1, max_size=6).map("/".join)
KNOWN = st.sampled_from(
    [
        *(f"vigil/v1/{device}/{channel}" for device in ("dev_a", "dev_b") for channel in CHANNELS),
        *[
            "vigil/v1/dev_a/down",
            "owntracks/dev_a/phone",
            "owntracks/dev_b/phone",
            "owntracks/dev_a/phone/event",
            "traccar/dev_a/positions",
            "traccar/dev_b/events",
            "platform/dev_a/jt808",
            "platform/dev_b/jt808",
        ],
    ]
)
FILTERS = st.sampled_from(
    [
        "#",
        "+/+/+/+",
        "vigil/v1/+/down",
        "vigil/v1/dev_a/down",
        "vigil/v1/dev_b/down",
        "$SYS/#",
        "owntracks/#",
        "vigil/v1/dev_a/alarm",
        "owntracks/dev_a/phone/cmd",
        "owntracks/dev_b/phone/cmd",
    ]
)


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a filter of a list, which has `+` but no `#`, matches a topic."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if len(wanted) != len(levels):
        return False
    return all(one in ("+", level) for one, level in zip(wanted, levels, strict=True))


def may_publish(rights: Rights, topic: str) -> bool:
    return any(matches(one, topic) for one in rights.publish)


@given(TOPICS | KNOWN)
def test_a_device_may_publish_what_the_guard_lets_it(topic: str) -> None:
    listed = may_publish(device_rights("dev_a"), topic)
    # Of its own commands a phone may tell itself.
    own_commands = matches("owntracks/dev_a/+/cmd", topic)
    assert listed == (Login("dev_a").may_publish(topic) or own_commands)


@given(FILTERS)
def test_a_device_may_hear_what_the_guard_lets_it(topic_filter: str) -> None:
    heard = any(matches(one, topic_filter) for one in device_rights("dev_a").subscribe)
    assert heard == Login("dev_a").may_subscribe(topic_filter)


def test_a_network_server_speaks_for_those_that_it_may_and_no_wildcard() -> None:
    rights = device_rights("gtw_a", ["A84041FFFF", "+", "a/b", "#"])
    assert may_publish(rights, "application/1/device/a84041ffff/event/up")
    assert may_publish(rights, "application/1/device/A84041FFFF/event/join")
    assert not may_publish(rights, "application/1/device/other/event/up")
    assert not may_publish(device_rights("gtw_a"), "application/1/device/a84041ffff/event/up")
    assert not any("#" in one for one in (*rights.publish, *rights.subscribe))


def test_ingest_hears_every_lane_and_tells_every_device() -> None:
    rights = ingest_rights()
    assert {one for lane in SUBSCRIBER_LANES for one in lane.filters} <= set(rights.subscribe)
    assert may_publish(rights, topics.down("dev_a"))
    assert not may_publish(rights, topics.up("dev_a", "alarm"))
