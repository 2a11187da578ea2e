"""Hub: which session hears what, and how much may be on the way at once."""

from collections import deque
from collections.abc import Callable

from ingest.address import BROUGHT, REFUSED, BrokerStats
from ingest.broker.guard import Login
from ingest.broker.sessions import Message, Session
from ingest.refused import REASONS, BrokerReason, Refused, encode

CONGESTED_BYTES = 64 * 1024 * 1024
"""Unsettled bytes from which on devices are not read any more; reading resumes at half of it."""
SESSION_KEPT_S = 24 * 3600.0
"""How long the session of a device that is away is kept."""
SESSIONS_PER_LOGIN = 8
"""How many sessions one device may leave behind; then the one that left first goes."""
CONNECTIONS_PER_LOGIN = 100
"""How many connections one device may have at once; then the oldest is ended."""
_OVERHEAD_BYTES = 400


class Hub:
    """Routes messages between sessions.

    What a device publishes is settled (and then acknowledged to it) when each dependable session that
    subscribed to it has acknowledged. While there is none, as before ingest's first connection, it waits.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, dict[str, Session]] = {}
        self._exact: dict[str, list[Session]] = {}
        self._patterns: dict[str, tuple[list[str], list[Session]]] = {}
        self._unclaimed: deque[tuple[str, Message]] = deque()
        self._unsettled_bytes = 0
        self._relieved: list[Callable[[], None]] = []
        self._refusals: dict[str, int] = dict.fromkeys(REASONS, 0)

    @property
    def congested(self) -> bool:
        """Whether devices should not be read just now."""
        return self._unsettled_bytes > CONGESTED_BYTES

    def stats(self) -> BrokerStats:
        """Return how much there is of everything that grows."""
        sessions = [one for of_login in self._sessions.values() for one in of_login.values()]
        return BrokerStats(
            connections=sum(1 for one in sessions if one.peer is not None),
            sessions=len(sessions),
            unclaimed=len(self._unclaimed),
            unsettled_bytes=self._unsettled_bytes,
            backlog=sum(one.backlog for one in sessions),
            forgotten=sum(one.forgotten for one in sessions),
            refusals=dict(self._refusals),
        )

    def when_relieved(self, resume: Callable[[], None]) -> None:
        """Call `resume` when it is no longer congested."""
        self._relieved.append(resume)

    def open(self, login: Login, client_id: str, *, clean: bool) -> tuple[Session, bool]:
        """Return the session of `client_id`, and whether it was there before (§3.1.2.4).

        A client id belongs to its login: the same id of another login is another session. A connection
        that holds the session now is ended.
        """
        session = self._sessions.get(login.name, {}).get(client_id)
        if session is not None and session.peer is not None:
            session.peer.kick("taken over")
        if session is not None and (clean or session.clean) and not session.dependable:
            self._remove(session)
            session = None
        if session is not None:
            session.login = login
            return session, not clean
        self._make_room(login)
        session = Session(login, client_id, clean=clean)
        self._sessions.setdefault(login.name, {})[client_id] = session
        return session, False

    def left(self, session: Session, now_s: float) -> None:
        """The connection of `session` is gone."""
        session.detach(now_s)
        if session.clean:
            self._remove(session)

    def expire(self, now_s: float) -> None:
        """Forget the sessions of devices that have been away too long."""
        for session in [one for of_login in self._sessions.values() for one in of_login.values()]:
            away = session.peer is None and now_s - session.left_s > SESSION_KEPT_S
            if away and not session.dependable:
                self._remove(session)

    def subscribe(self, session: Session, topic_filter: str, qos: int) -> int:
        """Subscribe and return the granted QoS, 1 at most."""
        granted = min(qos, 1)
        if topic_filter not in session.filters:
            self._hearers(topic_filter).append(session)
        session.filters[topic_filter] = granted
        if session.dependable:
            self._claim()
        return granted

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """Undo a subscription; one that never was is ignored."""
        if session.filters.pop(topic_filter, None) is None:
            return
        if topic_filter in self._patterns:
            hearers = self._patterns[topic_filter][1]
        else:
            hearers = self._exact[topic_filter]
        hearers.remove(session)
        if not hearers:
            self._patterns.pop(topic_filter, None)
            self._exact.pop(topic_filter, None)

    def from_device(self, topic: str, payload: bytes, settled: Callable[[], None] | None = None) -> None:
        """Route what a device published; `settled` is called when ingest has it."""
        size = len(topic) + len(payload) + _OVERHEAD_BYTES
        self._unsettled_bytes += size

        def done() -> None:
            self._release(size)
            if settled is not None:
                settled()

        message = Message(topic, payload, done)
        if not self._hand_over(topic, message):
            self._unclaimed.append((topic, message))

    def refuse(self, refused: Refused, settled: Callable[[], None] | None = None) -> None:
        """Count what was refused, and route it to ingest, so that it is kept as a dead letter."""
        self.count(refused.reason)
        self.from_device(REFUSED, encode(refused), settled)

    def count(self, reason: BrokerReason) -> None:
        """Count a refusal of which nothing is kept."""
        self._refusals[reason] += 1

    def brought(
        self, login: str, topic: str, payload: bytes, settled: Callable[[], None] | None = None
    ) -> None:
        """Route to ingest what `login` says on a `topic` that does not tell whether it may."""
        self.from_device(f"{BROUGHT}/{login}/{topic}", payload, settled)

    def from_ingest(self, topic: str, payload: bytes, qos: int) -> None:
        """Route what ingest published: each session takes or keeps it, and that is all."""
        message = Message(topic, payload)
        for session, granted in self._hearing(topic):
            session.deliver(message, min(qos, granted))

    def _hand_over(self, topic: str, message: Message) -> bool:
        hearing = self._hearing(topic)
        dependable = [session for session, _ in hearing if session.dependable]
        if not dependable:
            return False
        message.owe(len(dependable))
        for session, granted in hearing:
            # Whatever QoS the device chose: what reached the broker shall reach the log.
            session.deliver(message, 1 if session.dependable else granted)
        return True

    def _claim(self) -> None:
        for _ in range(len(self._unclaimed)):
            topic, message = self._unclaimed.popleft()
            if not self._hand_over(topic, message):
                self._unclaimed.append((topic, message))

    def _hearing(self, topic: str) -> list[tuple[Session, int]]:
        hearing = [(session, session.filters[topic]) for session in self._exact.get(topic, ())]
        levels = topic.split("/")
        for pattern, (wanted, sessions) in self._patterns.items():
            if _matches(wanted, levels):
                hearing += [(session, session.filters[pattern]) for session in sessions]
        return hearing

    def _hearers(self, topic_filter: str) -> list[Session]:
        if "+" in topic_filter or "#" in topic_filter:
            return self._patterns.setdefault(topic_filter, (topic_filter.split("/"), []))[1]
        return self._exact.setdefault(topic_filter, [])

    def _release(self, size: int) -> None:
        self._unsettled_bytes -= size
        if self._relieved and self._unsettled_bytes <= CONGESTED_BYTES // 2:
            relieved, self._relieved = self._relieved, []
            for resume in relieved:
                resume()

    def _make_room(self, login: Login) -> None:
        if login.is_ingest:
            return
        sessions = list(self._sessions.get(login.name, {}).values())
        away = [one for one in sessions if one.peer is None]
        if len(away) >= SESSIONS_PER_LOGIN:
            self._remove(min(away, key=lambda session: session.left_s))
        peers = [one.peer for one in sessions if one.peer is not None]
        if len(peers) >= CONNECTIONS_PER_LOGIN:
            peers[0].kick("too many connections")

    def _remove(self, session: Session) -> None:
        for topic_filter in list(session.filters):
            self.unsubscribe(session, topic_filter)
        of_login = self._sessions.get(session.login.name, {})
        if of_login.get(session.client_id) is session:
            del of_login[session.client_id]
        if not of_login:
            self._sessions.pop(session.login.name, None)


def _matches(wanted: list[str], levels: list[str]) -> bool:
    """Tell whether the levels of a filter match those of a topic (§4.7)."""
    if levels[0].startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in {"+", levels[index]}:
            return False
    return len(wanted) == len(levels)
