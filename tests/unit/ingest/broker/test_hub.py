"""Hub and sessions: what is published is settled when ingest has it, whatever the connections do."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker import packets
from ingest.broker.framing import Framer
from ingest.broker.guard import INGEST, Login
from ingest.broker.hub import CONGESTED_BYTES, CONNECTIONS_PER_LOGIN, SESSION_KEPT_S, SESSIONS_PER_LOGIN, Hub
from ingest.broker.sessions import DEVICE_BACKLOG, DEVICE_WINDOW, INGEST_WINDOW, Session

LOCATIONS, DOWN = "vigil/v1/+/location", "vigil/v1/dev_a/down"


class Wire:
    """A connection that remembers what was sent: (payload, packet id, redelivered)."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.session: Session | None = None
        self.writable = True
        self.sent: list[tuple[bytes, int, bool]] = []
        self.kicked = ""
        self._framer = Framer(1 << 24)

    def send(self, data: bytes) -> None:
        self._framer.feed(data)
        while (frame := self._framer.next()) is not None:
            publish = packets.read_publish(frame)
            self.sent.append((publish.payload, publish.packet_id, bool(frame.flags & 8)))

    def kick(self, reason: str) -> None:
        self.kicked = reason
        self.leave()

    def leave(self, now_s: float = 0.0) -> None:
        assert self.session is not None
        self.hub.left(self.session, now_s)

    @property
    def payloads(self) -> list[bytes]:
        return [payload for payload, _, _ in self.sent]


def connect(hub: Hub, name: str, client_id: str = "c", *, clean: bool = False) -> Wire:
    wire = Wire(hub)
    wire.session, _ = hub.open(Login(name), client_id, clean=clean)
    wire.session.attach(wire)
    return wire


def ingest(hub: Hub, *filters: str) -> Wire:
    wire = connect(hub, INGEST)
    assert wire.session is not None
    for one in filters:
        hub.subscribe(wire.session, one, 1)
    return wire


def acknowledge(wire: Wire, count: int | None = None) -> None:
    assert wire.session is not None
    sent, wire.sent = wire.sent[:count], wire.sent[count:] if count is not None else []
    for _, packet_id, _ in sent:
        wire.session.acknowledge(packet_id)


def test_settled_when_ingest_has_acknowledged_and_not_before() -> None:
    hub, settled = Hub(), []
    reader = ingest(hub, LOCATIONS)
    hub.from_device("vigil/v1/dev_a/location", b"1", lambda: settled.append(1))
    assert (reader.payloads, settled) == ([b"1"], [])
    acknowledge(reader)
    assert settled == [1]


def test_waits_for_ingest_and_then_for_each_of_its_readers() -> None:
    hub, settled = Hub(), []
    hub.from_device("vigil/v1/dev_a/location", b"1", lambda: settled.append(1))
    first = ingest(hub, "vigil/v1/+/alarm", LOCATIONS)
    assert first.payloads == [b"1"]
    second = connect(hub, INGEST, "second")
    assert second.session is not None
    hub.subscribe(second.session, "#", 1)
    hub.from_device("vigil/v1/dev_a/location", b"2", lambda: settled.append(2))
    acknowledge(first)
    assert settled == [1]
    acknowledge(second)
    assert settled == [1, 2]


def test_what_is_unacknowledged_comes_again_in_its_order() -> None:
    hub = Hub()
    reader = ingest(hub, LOCATIONS)
    for number in range(INGEST_WINDOW + 10):
        hub.from_device("vigil/v1/dev_a/location", b"%d" % number)
    assert len(reader.sent) == INGEST_WINDOW
    acknowledge(reader, 3)
    reader.leave()
    again = ingest(hub, LOCATIONS)
    assert again.payloads[:-1] == [b"%d" % number for number in range(3, INGEST_WINDOW + 2)]
    assert [again.sent[0][2], again.sent[-1][2]] == [True, True]


@given(st.lists(st.sampled_from(["publish", "acknowledge", "leave", "return", "stall", "flow"]), max_size=60))
def test_nothing_is_lost_and_nothing_is_settled_too_early(steps: list[str]) -> None:
    hub = Hub()
    published, settled, admitted = 0, [], []
    reader: Wire | None = None

    def settle(number: int) -> Callable[[], None]:
        return lambda: settled.append(number)

    for step in steps:
        match step:
            case "publish":
                hub.from_device("vigil/v1/dev_a/location", b"%d" % published, settle(published))
                published += 1
            case "leave" if reader is not None:
                reader.leave()
                reader = None
            case "return" if reader is None:
                reader = ingest(hub, LOCATIONS)
            case "stall" if reader is not None:
                reader.writable = False
            case "flow" if reader is not None and reader.session is not None:
                reader.writable = True
                reader.session.pump()
            case "acknowledge" if reader is not None:
                admitted += [int(payload) for payload in reader.payloads[:2]]
                acknowledge(reader, 2)
        assert set(settled) <= set(admitted)
    reader = ingest(hub, LOCATIONS)
    admitted += [int(payload) for payload in reader.payloads]
    acknowledge(reader)
    assert set(admitted) == set(range(published))
    assert sorted(settled) == list(range(published))


def test_congestion_ends_when_half_of_it_is_gone() -> None:
    hub, resumed = Hub(), []
    reader = ingest(hub, LOCATIONS)
    large = b"x" * (CONGESTED_BYTES // 8)
    for _ in range(8):
        assert not hub.congested
        hub.from_device("vigil/v1/dev_a/location", large)
    assert hub.congested
    hub.when_relieved(lambda: resumed.append(True))
    acknowledge(reader, 4)
    assert resumed == []
    acknowledge(reader)
    assert resumed == [True]


def test_a_command_waits_for_a_session_that_is_kept_and_for_no_other() -> None:
    hub = Hub()
    for client_id, clean in (("kept", False), ("clean", True)):
        wire = connect(hub, "dev_a", client_id, clean=clean)
        assert wire.session is not None
        hub.subscribe(wire.session, DOWN, 1)
        wire.leave()
    for number in range(DEVICE_BACKLOG + 5):
        hub.from_ingest(DOWN, b"%d" % number, 1)
    kept = connect(hub, "dev_a", "kept")
    assert kept.payloads == [b"%d" % number for number in range(5, DEVICE_WINDOW + 5)]
    assert connect(hub, "dev_a", "clean", clean=True).payloads == []


def test_the_same_client_id_of_another_login_is_another_session() -> None:
    hub = Hub()
    one, other = connect(hub, "dev_a"), connect(hub, "dev_b")
    assert (one.session is not other.session, one.kicked) == (True, "")
    assert connect(hub, "dev_a").session is one.session
    assert one.kicked == "taken over"


def test_sessions_left_behind_are_few_and_not_for_ever() -> None:
    hub = Hub()
    for number in range(SESSIONS_PER_LOGIN + 3):
        connect(hub, "dev_a", f"c{number}").leave(number)
    assert len(hub._sessions["dev_a"]) == SESSIONS_PER_LOGIN
    connect(hub, INGEST).leave()
    hub.expire(SESSION_KEPT_S + 100)
    assert list(hub._sessions) == [INGEST]


def test_one_device_has_a_hundred_connections_at_most() -> None:
    hub = Hub()
    wires = [connect(hub, "dev_a", f"c{number}", clean=True) for number in range(CONNECTIONS_PER_LOGIN + 2)]
    assert [bool(wire.kicked) for wire in wires[:3]] == [True, True, False]
    assert hub.stats().connections == CONNECTIONS_PER_LOGIN


@pytest.mark.parametrize(
    ("wanted", "topic", "hears"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$vigil/x", False),
        ("+/x", "$vigil/x", False),
        ("$vigil/#", "$vigil/x", True),
        ("a/b", "a/b", True),
        ("a/b/+", "a/b", False),
        ("+", "a", True),
    ],
)
def test_filters_match_as_the_standard_says(wanted: str, topic: str, hears: bool) -> None:
    hub = Hub()
    reader = ingest(hub, wanted)
    hub.from_device(topic, b"x")
    assert bool(reader.sent) is hears
    assert reader.session is not None
    hub.unsubscribe(reader.session, wanted)
    assert (hub._exact, hub._patterns) == ({}, {})
