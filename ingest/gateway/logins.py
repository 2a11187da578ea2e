"""Logins: who sends a request, as its credentials prove it; what fails is counted."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol, TypeVar

from starlette.requests import Request

from devices import topics
from devices.clock import Clock
from devices.registry.port import Device, DeviceRegistry
from ingest.attempts import LoginAttempts
from ingest.gateway.answers import Refused, unavailable
from ingest.gateway.doorman import Doorman, address_of

_THREADS = 2
_URGENT_THREADS = 1
_THROTTLED_FOR_S = 60
_LONGEST_NAME = 64
_Found = TypeVar("_Found")


class Credentials(NamedTuple):
    """A name and what is to prove it."""

    name: str
    secret: str


def basic_credentials(request: Request) -> Credentials | None:
    """Return what the Basic Authorization header says, None without a readable one.

    Split at the last colon: a secret has none, and an id might.
    """
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        said = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    name, colon, secret = said.rpartition(":")
    return Credentials(name, secret) if colon else None


def joined_credentials(text: str | None) -> Credentials | None:
    """Return the credentials in `DEVICE~SECRET`, for senders that have one field for both."""
    name, tilde, secret = (text or "").strip().partition("~")
    return Credentials(name, secret) if tilde else None


def bearer_token(request: Request) -> str | None:
    """Return the token of the Authorization header, None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class TokenHolder(NamedTuple):
    """Who holds an API token: their login and organisation; `may_bring`: their role allows it."""

    login: str
    org: str
    may_bring: bool


class TokenHolders(Protocol):
    """Knows the API tokens of people."""

    def find(self, token: str) -> TokenHolder | None:
        """Return who holds `token`, None if it is unknown or over. May block."""


class Logins:
    """Checks credentials against the registry, off the event loop; urgent ones in threads of their own.

    A secret is always checked against the database, so that a revoked or rotated one fails at once.
    """

    def __init__(
        self, registry: DeviceRegistry, clock: Clock, doorman: Doorman, tokens: TokenHolders | None = None
    ) -> None:
        self._registry = registry
        self._doorman = doorman
        self._tokens = tokens
        self._attempts = LoginAttempts(clock)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gateway-login")
        self._urgent = ThreadPoolExecutor(_URGENT_THREADS, thread_name_prefix="gateway-urgent")

    async def device(self, request: Request, given: Credentials | None, *, urgent: bool = False) -> Device:
        """Return the device that `given` proves.

        Raises:
            Refused: 401, it proves none; 503, and has not for a while.
            RegistryUnavailable: it cannot be told just now.
        """
        if given is None:
            raise unauthorised("give the device's id and secret", "Basic")
        device = await self._in_thread(lambda: self._proven(given), urgent=urgent)
        if device is None or device.kind == "gateway":
            raise await self._refused(request, given.name, "unknown device or wrong secret", "Basic")
        return device

    async def speaker(self, request: Request, dialect: str) -> Device:
        """Return who brings messages in `dialect`: a gateway, or a device by itself, as the bearer proves.

        The token of a supervisor or an admin stands for a gateway of their organisation.

        Raises:
            Refused: 401, it proves nobody; 503, and has not for a while; 403, one of another dialect.
            RegistryUnavailable: it cannot be told just now.
        """
        token = bearer_token(request)
        if token is None:
            raise unauthorised("give a bearer token: {id}~{secret} of a gateway, or one of the API", "Bearer")
        given = joined_credentials(token)
        name = "a token" if given is None else given.name
        speaker = await self._in_thread(
            lambda: self._held(token, dialect) if given is None else self._proven(given)
        )
        if speaker is None:
            why = "unknown gateway or wrong secret, or the token is over"
            raise await self._refused(request, name, why, "Bearer")
        if speaker.codec != dialect:
            brings = speaker.codec or "nothing: it takes a supervisor"
            raise Refused(403, "forbidden", f"{speaker.id} brings {brings}, not {dialect}")
        return speaker

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown()
        self._urgent.shutdown()

    def _proven(self, given: Credentials) -> Device | None:
        if not topics.is_device_id(given.name):
            return None
        return self._registry.authenticate(given.name, given.secret)

    def _held(self, token: str, dialect: str) -> Device | None:
        holder = self._tokens.find(token) if self._tokens is not None else None
        if holder is None:
            return None
        codec = dialect if holder.may_bring else ""
        # It may come to stand for a device that nobody knows, on a topic of its own.
        name = holder.login if topics.is_device_id(holder.login) else "api-token"
        return Device(id=name, kind="gateway", org=holder.org, nurse=None, codec=codec)

    async def _refused(self, request: Request, name: str, why: str, scheme: str) -> Refused:
        # Only of who is wrong: whoever is right is let in however often others failed in this name, and all
        # tokens are one name here.
        if self._attempts.exhausted(name[:_LONGEST_NAME], address_of(request)):
            # Not 429: there are apps that drop for good what a 4xx refuses, and it may hold an alarm.
            why = "too many failures for this name: wait a minute"
            await self._doorman.turned_away(request, name, "login_throttled", why)
            return unavailable(why, "throttled", _THROTTLED_FOR_S)
        self._attempts.failed(name[:_LONGEST_NAME], address_of(request))
        await self._doorman.turned_away(request, name, "login_refused", why)
        return unauthorised(why, scheme)

    async def _in_thread(self, check: Callable[[], _Found], *, urgent: bool = False) -> _Found:
        threads = self._urgent if urgent else self._threads
        return await asyncio.get_running_loop().run_in_executor(threads, check)


def unauthorised(detail: str, scheme: str) -> Refused:
    """Return the refusal of credentials."""
    challenge = f'{scheme} realm="vigil"' + (', charset="UTF-8"' if scheme == "Basic" else "")
    return Refused(401, "unauthorised", detail, headers={"WWW-Authenticate": challenge})
