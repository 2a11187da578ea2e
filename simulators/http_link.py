"""The link of one device to Vigil's HTTP gateways: a request for each message, commands with the answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import httpx

from devices.clock import Clock
from simulators.errors import LinkDown
from simulators.line import Line
from simulators.outbox import Letter
from simulators.routes import Route
from simulators.telling import progress
from simulators.waiting import event_or_time

_ASK_EVERY_S = 2.0
_CURIOUS_FOR_S = 600.0
_TIMEOUT_S = 10.0
# What is answered so will be answered so again: no device repeats it (docs/protocol.md).
_FINAL = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def http_client(base_url: str) -> httpx.AsyncClient:
    """Return the connections to `base_url`, which all devices of a simulation share."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
    return httpx.AsyncClient(
        base_url=base_url.rstrip("/"), timeout=_TIMEOUT_S, trust_env=False, limits=limits
    )


class HttpLink:
    """Says what one device says through `route`."""

    def __init__(self, client: httpx.AsyncClient, route: Route, clock: Clock, name: str) -> None:
        """`name` is what people are told of the device by."""
        self._client, self._route, self._clock, self._name = client, route, clock, name
        self._line: _HttpLine | None = None
        self._was_refused = False

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        """See that somebody listens there.

        Raises:
            LinkDown: nobody does, or the line broke.
        """
        url = self._client.base_url
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            _reader, writer = await asyncio.wait_for(asyncio.open_connection(url.host, port), _TIMEOUT_S)
        except OSError as error:
            raise LinkDown(f"{url}: {error}") from error
        writer.close()
        self._line = _HttpLine(self._client, self._route, self._clock, self._tell_refused)
        try:
            yield self._line
        finally:
            self._line = None

    def cut(self) -> None:
        """Have no network any more."""
        if self._line is not None:
            self._line.cut()

    def _tell_refused(self, path: str, status: int) -> None:
        """Tell, once, that its login counts for nothing: it will try again and again, and never be heard."""
        if not self._was_refused:
            self._was_refused = True
            progress(
                f"{self._name} is refused at {path} with {status}: is its secret right, or its gateway's?"
            )


class _HttpLine:
    def __init__(
        self, client: httpx.AsyncClient, route: Route, clock: Clock, refused: Callable[[str, int], None]
    ) -> None:
        self._client, self._route, self._clock, self._refused = client, route, clock, refused
        self._changed = asyncio.Event()
        self._no_network = asyncio.Event()
        self._curious_until_s = 0.0

    def cut(self) -> None:
        self._no_network.set()
        self._changed.set()

    async def say(self, letter: Letter) -> list[bytes]:
        if self._no_network.is_set():
            raise LinkDown("no network")
        asked = self._route.request(letter)
        try:
            answer = await self._client.request(
                asked.method, asked.path, params=asked.query, content=asked.body, headers=asked.headers
            )
        except httpx.HTTPError as error:
            raise LinkDown(f"{asked.path}: {str(error) or type(error).__name__}") from error
        if answer.status_code in _FINAL:
            return []
        if answer.status_code in _REFUSED:
            self._refused(asked.path, answer.status_code)
        if answer.is_error:
            raise LinkDown(f"{asked.path}: {answer.status_code}")
        if letter.channel == "alarm" and self._route.question is not None:
            self._curious_until_s = self._clock.monotonic_s() + _CURIOUS_FOR_S
            self._changed.set()
        return self._route.commands(answer.content)

    async def listen(self) -> AsyncIterator[bytes]:
        """Ask every other second while an alarm may be open: it learns of it in no other way."""
        while True:
            await self._changed.wait()
            if self._no_network.is_set():
                raise LinkDown("no network")
            if self._route.question is None or self._clock.monotonic_s() > self._curious_until_s:
                self._changed.clear()
                continue
            await event_or_time(self._no_network, self._clock, _ASK_EVERY_S)
            for payload in await self.say(self._route.question):
                yield payload
