"""Framer: the same packets however the network cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker import packets
from ingest.broker.framing import Frame, Framer, ProtocolViolation

MESSAGES = st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=300)), max_size=10)


def drained(framer: Framer) -> list[Frame]:
    frames = []
    while (frame := framer.next()) is not None:
        frames.append(frame)
    return frames


@given(MESSAGES, st.lists(st.integers(1, 50), min_size=1))
def test_cuts_do_not_matter(messages: list[tuple[str, bytes]], cuts: list[int]) -> None:
    stream = b"".join(packets.publish(topic.encode(), payload, 1, 7) for topic, payload in messages)
    whole, piecewise = Framer(1000), Framer(1000)
    whole.feed(stream)
    expected, frames = drained(whole), []
    position, turn = 0, 0
    while position < len(stream):
        size = cuts[turn % len(cuts)]
        piecewise.feed(stream[position : position + size])
        frames += drained(piecewise)
        position, turn = position + size, turn + 1
    assert frames == expected
    assert len(frames) == len(messages)


@given(st.binary(max_size=200))
def test_noise_is_packets_or_a_violation(noise: bytes) -> None:
    framer = Framer(100)
    framer.feed(noise)
    try:
        frames = drained(framer)
    except ProtocolViolation:
        return
    assert sum(len(frame.body) + 2 for frame in frames) <= len(noise)


@pytest.mark.parametrize("head", [b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\xff\x7f", b"\x30\x65"])
def test_what_is_too_large_is_refused_before_it_arrives(head: bytes) -> None:
    framer = Framer(100)
    framer.feed(head)
    with pytest.raises(ProtocolViolation):
        framer.next()


def test_the_first_byte_is_known_before_the_packet_is() -> None:
    assert Framer(100).head is None
    framer = Framer(100)
    framer.feed(b"\x10")
    assert framer.head == 0x10
    assert framer.next() is None
