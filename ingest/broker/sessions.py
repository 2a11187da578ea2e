"""Session: what the broker keeps for one client id of one login, whether it is connected or not."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Protocol

from ingest.broker import packets
from ingest.broker.guard import Login

DEVICE_BACKLOG = 100
"""Commands kept for a device that is away; then the oldest gives way."""
DEVICE_WINDOW = 20
"""Unacknowledged commands on the way to a device."""
INGEST_WINDOW = 1000
"""Unacknowledged messages on the way to ingest: large enough for its group commits."""


class Message:
    """A message on its way, and who must have it before its sender hears of it.

    `settled` is called once, when every dependable session that `owe` counted has acknowledged.
    """

    __slots__ = ("_owed", "_settled", "payload", "topic")

    def __init__(self, topic: str, payload: bytes, settled: Callable[[], None] | None = None) -> None:
        self.topic = topic.encode()
        self.payload = payload
        self._settled = settled
        self._owed = 0

    @property
    def size(self) -> int:
        return len(self.topic) + len(self.payload)

    def owe(self, sessions: int) -> None:
        """Note how many dependable sessions must acknowledge."""
        self._owed = sessions

    def acknowledged(self) -> None:
        """One of them has; with the last one the sender hears of it."""
        self._owed -= 1
        if self._owed == 0:
            self.settle()

    def settle(self) -> None:
        """Tell the sender."""
        if self._settled is not None:
            settled, self._settled = self._settled, None
            settled()


class Peer(Protocol):
    """What a session needs of its connection."""

    @property
    def writable(self) -> bool:
        """Whether the peer takes in what is sent to it."""

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def kick(self, reason: str) -> None:
        """End the connection at once; the session is detached when this returns."""


class Session:
    """Subscriptions, what waits for the client, and what is on its way to it.

    A dependable session (ingest's, kept over disconnects) never loses a message: its backlog is bounded by
    what devices may leave unacknowledged. Any other forgets the oldest beyond `DEVICE_BACKLOG`.
    """

    def __init__(self, login: Login, client_id: str, *, clean: bool) -> None:
        self.login = login
        self.client_id = client_id
        self.clean = clean
        self.dependable = login.is_ingest and not clean
        self.peer: Peer | None = None
        self.filters: dict[str, int] = {}
        self.half_received: set[int] = set()
        self.left_s = 0.0
        self.forgotten = 0
        self._window = INGEST_WINDOW if login.is_ingest else DEVICE_WINDOW
        self._backlog: deque[Message] = deque()
        self._in_flight: OrderedDict[int, Message] = OrderedDict()
        self._last_id = 0

    @property
    def backlog(self) -> int:
        """How many messages wait for the client or its acknowledgement."""
        return len(self._backlog) + len(self._in_flight)

    def attach(self, peer: Peer) -> None:
        """Give the session a connection, and it what the last one left unacknowledged (§4.4)."""
        self.peer = peer
        for packet_id, message in self._in_flight.items():
            peer.send(packets.publish(message.topic, message.payload, 1, packet_id, again=True))
        self.pump()

    def detach(self, now_s: float) -> None:
        """The connection is gone."""
        self.peer = None
        self.left_s = now_s

    def deliver(self, message: Message, qos: int) -> None:
        """Hand `message` to the client, now or when it can take it."""
        if qos == 0:
            if self.peer is not None and self.peer.writable:
                self.peer.send(packets.publish(message.topic, message.payload, 0, 0))
            return
        if self.peer is None and self.clean:
            return
        self._backlog.append(message)
        if not self.dependable and len(self._backlog) > DEVICE_BACKLOG:
            self._backlog.popleft()
            self.forgotten += 1
        self.pump()

    def pump(self) -> None:
        """Send what the window and the connection allow."""
        peer = self.peer
        while peer is not None and self._backlog and len(self._in_flight) < self._window and peer.writable:
            message = self._backlog.popleft()
            packet_id = self._next_id()
            self._in_flight[packet_id] = message
            peer.send(packets.publish(message.topic, message.payload, 1, packet_id))

    def acknowledge(self, packet_id: int) -> None:
        """The client has the message of `packet_id`; an unknown id is ignored (§4.3.2)."""
        message = self._in_flight.pop(packet_id, None)
        if message is None:
            return
        if self.dependable:
            message.acknowledged()
        self.pump()

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 0xFFFF + 1
            if self._last_id not in self._in_flight:
                return self._last_id
