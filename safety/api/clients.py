"""Clients: who listens to the live feed, what each may see, and what each is still to be sent."""

import asyncio
from typing import NamedTuple

from safety.api.outbox import Frame, Outbox
from safety.store.sessions import Person


class Ending(NamedTuple):
    """Why the server ends a connection: a WebSocket close code and a reason."""

    code: int
    reason: str


STALLED = Ending(1013, "too slow: reconnect with your cursor")
FULL = Ending(1013, "too many connections: try again later")
SESSION_OVER = Ending(4401, "the session is over: log in again")
UNREADABLE = Ending(1013, "the store cannot be read: reconnect without a cursor")
CLOSING = Ending(1012, "the service restarts: reconnect with your cursor")


class LiveClient:
    """One connection: its person, the organisations it may see, and its outbox."""

    def __init__(self, person: Person, orgs: frozenset[str], outbox: Outbox) -> None:
        self.person = person
        self.orgs = orgs
        self.outbox = outbox
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def offer(self, frame: Frame) -> None:
        """Queue `frame`; a client that has stopped reading is given up."""
        if not self.ended.done() and not self.outbox.put(frame):
            self.end(STALLED)

    def end(self, why: Ending) -> None:
        """Have the connection closed; the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(why)


class Audience:
    """All clients of the feed."""

    def __init__(self) -> None:
        self._clients: set[LiveClient] = set()

    def __len__(self) -> int:
        return len(self._clients)

    def join(self, client: LiveClient) -> None:
        """Let `client` hear what is sent from now on."""
        self._clients.add(client)

    def leave(self, client: LiveClient) -> None:
        """Let `client` hear no more."""
        self._clients.discard(client)

    def queued(self) -> int:
        """Return how many frames wait to be sent."""
        return sum(len(client.outbox) for client in tuple(self._clients))

    def send(self, frame: Frame, org: str | None = None) -> None:
        """Queue `frame` for those who may see `org`; None: for all."""
        for client in self._clients:
            if org is None or org in client.orgs:
                client.offer(frame)

    def by_scope(self) -> dict[frozenset[str], list[LiveClient]]:
        """Return the clients by what they may see."""
        scopes: dict[frozenset[str], list[LiveClient]] = {}
        for client in self._clients:
            scopes.setdefault(client.orgs, []).append(client)
        return scopes

    def sessions(self) -> set[str]:
        """Return the sessions of all clients, as `Person.session`."""
        return {client.person.session for client in self._clients}

    def renew(self, asked: set[str], people: dict[str, Person], scopes: dict[str, frozenset[str]]) -> None:
        """Take over who of the sessions `asked` is still logged in, and what they may see now."""
        for client in self._clients:
            if client.person.session not in asked:
                continue  # joined meanwhile
            person = people.get(client.person.session)
            if person is None:
                client.end(SESSION_OVER)
            else:
                client.person, client.orgs = person, scopes[person.org]

    def end_all(self, why: Ending) -> None:
        """Have every connection closed."""
        for client in self._clients:
            client.end(why)
