"""The wire format: what is built reads back, and what is malformed is a violation and nothing else."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker import packets
from ingest.broker.framing import Frame, Framer, ProtocolViolation, UnsupportedVersion
from ingest.broker.packets import Connect, Publish, Subscribe, Will
from tests.support import raw_mqtt

NAMES = st.text(st.characters(exclude_characters="\0+#", exclude_categories=["Cs"]), min_size=1, max_size=50)
READERS: dict[int, Callable[[Frame], object]] = {
    packets.CONNECT: packets.read_connect,
    packets.PUBLISH: packets.read_publish,
    packets.PUBREL: packets.read_acknowledged,
    packets.SUBSCRIBE: packets.read_subscribe,
    packets.UNSUBSCRIBE: packets.read_unsubscribe,
}


def framed(data: bytes) -> Frame:
    framer = Framer(1 << 20)
    framer.feed(data)
    frame = framer.next()
    assert frame is not None
    return frame


@given(NAMES, st.binary(max_size=500), st.integers(0, 2), st.integers(1, 65535), st.booleans())
def test_a_publish_reads_back(topic: str, payload: bytes, qos: int, packet_id: int, again: bool) -> None:
    frame = framed(packets.publish(topic.encode(), payload, qos, packet_id, again=again))
    assert packets.read_publish(frame) == Publish(topic, payload, qos, packet_id if qos else 0)
    assert bool(frame.flags & 8) == again


@given(NAMES, NAMES, st.binary(max_size=60), st.booleans(), st.integers(0, 65535), NAMES, st.binary())
def test_a_connect_reads_back(
    client_id: str, user: str, secret: bytes, clean: bool, keep_alive_s: int, topic: str, payload: bytes
) -> None:
    sent = raw_mqtt.connect(
        client_id.encode(),
        user.encode(),
        secret,
        clean=clean,
        keep_alive_s=keep_alive_s,
        will=(topic.encode(), payload),
    )
    expected = Connect(client_id, clean, keep_alive_s, Will(topic, payload), user, secret)
    assert packets.read_connect(framed(sent)) == expected


def test_a_subscribe_reads_back() -> None:
    assert packets.read_subscribe(framed(raw_mqtt.subscribe(b"a/+/#", 9))) == Subscribe(9, [("a/+/#", 1)])


@pytest.mark.parametrize("kind", READERS)
@given(st.data())
def test_any_body_is_read_or_a_violation(kind: int, data: st.DataObject) -> None:
    frame = Frame(kind, data.draw(st.integers(0, 15)), data.draw(st.binary(max_size=80)))
    try:
        READERS[kind](frame)
    except ProtocolViolation:
        return


@pytest.mark.parametrize("level", [3, 5, 0x84])
def test_another_version_is_told_apart(level: int) -> None:
    with pytest.raises(UnsupportedVersion):
        packets.read_connect(framed(raw_mqtt.connect(b"x", b"u", b"p", level=level)))


@pytest.mark.parametrize("wanted", [b"", b"a/#/b", b"a#", b"+a", b"a/b+/c"])
def test_a_malformed_filter_is_a_violation(wanted: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        packets.read_subscribe(framed(raw_mqtt.subscribe(wanted, 1)))


def test_a_password_needs_a_user_name() -> None:
    with pytest.raises(ProtocolViolation):
        packets.read_connect(framed(raw_mqtt.connect(b"x", None, b"p")))
