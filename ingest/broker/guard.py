"""Guard: who may log in to the embedded broker, and what each login may publish and hear."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

import msgspec

from devices import topics
from devices.certificates import ClientCertificate
from devices.clock import Clock
from devices.identity import hash_secret, secret_matches
from devices.registry.port import DeviceRegistry
from ingest.attempts import LoginAttempts
from ingest.errors import IngestError

INGEST = "$ingest"
"""Ingest's own login. No device can have this name: a device id starts with a letter or a digit."""


_Given = TypeVar("_Given")
_Found = TypeVar("_Found")


class LoginRefused(IngestError):
    """Name and secret do not belong together.

    Attributes:
        name: who they claimed to be, as it was given.
    """

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class TooManyFailures(LoginRefused):
    """They are wrong, and were it so often just now that it is news no more."""


class Login(msgspec.Struct, frozen=True):
    """Who is at the other end, by what: kept to check again when the registry has changed.

    Either `secret`, or a certificate, `issued_ms` ago in epoch ms.
    """

    name: str
    secret: str = ""
    issued_ms: int | None = None
    is_gateway: bool = False

    @property
    def is_ingest(self) -> bool:
        return self.name == INGEST

    def may_publish(self, topic: str) -> bool:
        """Tell whether this login may publish to `topic`."""
        return self.is_ingest or topics.may_publish(self.name, topic)

    def brings(self, topic: str) -> bool:
        """Tell whether on `topic` this login says something of which admission must look whose it is."""
        return not self.is_ingest and topics.names_external(topic)

    def may_subscribe(self, topic_filter: str) -> bool:
        """Tell whether this login may subscribe to `topic_filter`."""
        return self.is_ingest or topics.may_subscribe(self.name, topic_filter)


class Guard:
    """Checks logins against the registry, off the event loop."""

    def __init__(
        self, registry: DeviceRegistry, ingest_secret: str, clock: Clock, executor: Executor
    ) -> None:
        self._registry = registry
        self._ingest_hash = hash_secret(ingest_secret)
        self._attempts = LoginAttempts(clock)
        self._executor = executor
        self._recent: set[Login] = set()

    async def login(
        self,
        username: str | None,
        password: bytes | None,
        address: str,
        certificate: ClientCertificate | None = None,
    ) -> Login:
        """Return the login that `username` and `password` prove, or `certificate`, which TLS has verified.

        Raises:
            LoginRefused: they prove nothing.
            RegistryUnavailable: it cannot be told just now.
        """
        login = _claimed(username, password, certificate)
        proved = await self._in_thread(self._proved, login)
        if proved is None:
            # Whoever is right is let in however often others failed in this name: behind it may be an alarm.
            if self._attempts.exhausted(login.name, address):
                raise TooManyFailures("too many failures: wait a minute", login.name)
            self._attempts.failed(login.name, address)
            how = "wrong name or secret" if certificate is None else "the certificate holds no more"
            raise LoginRefused(how, login.name)
        self._recent.add(proved)
        return proved

    async def no_longer(self, logins: set[Login]) -> set[Login]:
        """Return those of `logins` that would be refused now; looks again only where something changed.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """
        # A login that was being proved while the registry changed is looked at once more.
        recent, self._recent = self._recent, set()
        return await self._in_thread(self._refused_since, (logins, recent))

    def _refused_since(self, given: tuple[set[Login], set[Login]]) -> set[Login]:
        logins, recent = given
        doubtful = logins if self._registry.refresh() else logins & recent
        return {login for login in doubtful if self._proved(login) is None}

    def _proved(self, login: Login) -> Login | None:
        """Return `login` with what the registry says of it, or None if it is not what it says."""
        if login.is_ingest:
            return login if secret_matches(login.secret, self._ingest_hash) else None
        if not topics.is_device_id(login.name):
            return None
        if login.issued_ms is not None:
            device = self._registry.authenticate_certificate(login.name, login.issued_ms)
        else:
            device = self._registry.authenticate(login.name, login.secret)
        return None if device is None else msgspec.structs.replace(login, is_gateway=device.kind == "gateway")

    async def _in_thread(self, check: Callable[[_Given], _Found], given: _Given) -> _Found:
        return await asyncio.get_running_loop().run_in_executor(self._executor, check, given)


def _claimed(username: str | None, password: bytes | None, certificate: ClientCertificate | None) -> Login:
    if certificate is not None:
        # Beside a certificate a password proves nothing more, but another's name is an attempt.
        if username not in (None, "", certificate.common_name):
            raise LoginRefused("the certificate is another's", certificate.common_name)
        return Login(certificate.common_name, issued_ms=certificate.issued_ms)
    if not username or password is None:
        raise LoginRefused("no anonymous logins", username or "")
    return Login(username, password.decode(errors="replace"))
