"""Broker: the embedded broker's listener, its connections, and what it does in the background."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import structlog

from devices.clock import Clock
from devices.errors import RegistryUnavailable
from devices.registry.port import DeviceRegistry
from ingest.address import STATS
from ingest.broker.connection import LOGIN_DEADLINE_S, Connection
from ingest.broker.doorman import Doorman
from ingest.broker.guard import Guard
from ingest.broker.hub import Hub
from ingest.broker.tls import TlsGate, TlsUnusable
from ingest.limits import Budgets, Limits

log = structlog.get_logger(__name__)

CHECK_EVERY_S = 1.0
"""How often silence and revocation are looked for."""
TELL_EVERY_S = 1.0
"""How often ingest is told how the broker does."""
RENEW_EVERY_S = 1.0
"""How often the certificate's file is looked at."""
_BACKLOG = 1024
_LOOKUP_THREADS = 2


class Broker:
    """Listens for MQTT 3.1.1; knows devices by `registry` and ingest by `ingest_secret`.

    Beyond `max_connections` a new connection is closed at once, so that those that are there keep theirs.
    """

    def __init__(
        self,
        registry: DeviceRegistry,
        ingest_secret: str,
        clock: Clock,
        max_connections: int = 20_000,
        limits: Limits = Limits(),  # noqa: B008 frozen
    ) -> None:
        self._clock = clock
        self._executor = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="broker-registry")
        self._guard = Guard(registry, ingest_secret, clock, self._executor)
        self._hub = Hub()
        self._budgets = Budgets(limits)
        self._doorman = Doorman(self._hub, clock)
        self._max_connections = max_connections
        self._connections: set[Connection] = set()
        self._servers: list[asyncio.Server] = []
        self._gate: TlsGate | None = None

    async def start(self, host: str, port: int, gate: TlsGate | None = None) -> int:
        """Listen on `host` and `port` (0: any free one), through `gate` if there is one; return the port.

        Raises:
            OSError: the port is taken, or the host is none of this machine.
        """
        tls: dict[str, Any] = {}
        if gate is not None:
            self._gate = gate
            tls = {"ssl": gate.context, "ssl_handshake_timeout": LOGIN_DEADLINE_S}
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._accept, host, port, backlog=_BACKLOG, **tls)
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def run(self) -> None:
        """Watch over the connections until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end_the_silent(), name="broker keep-alive")
            tasks.create_task(self._end_the_revoked(), name="broker revocation")
            tasks.create_task(self._tell(), name="broker stats")
            tasks.create_task(self._renew(), name="broker certificate")

    async def stop(self) -> None:
        """Close the listeners and every connection."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.kick("the broker stops")
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _accept(self) -> asyncio.Protocol:
        if len(self._connections) >= self._max_connections:
            return _Full()
        # Behind TLS a connection begins when the handshake is done; one that fails in it never does.
        return Connection(
            self._hub,
            self._guard,
            self._clock,
            self._connections.discard,
            self._connections.add,
            self._budgets,
            self._doorman,
        )

    async def _end_the_silent(self) -> None:
        while True:
            await self._clock.sleep_s(CHECK_EVERY_S)
            now_s = self._clock.monotonic_s()
            for connection in list(self._connections):
                connection.check(now_s)
            self._hub.expire(now_s)
            self._budgets.forget(now_s)

    async def _renew(self) -> None:
        while self._gate is not None:
            await self._clock.sleep_s(RENEW_EVERY_S)
            try:
                if self._gate.renew():
                    log.warning("certificate renewed", action="broker.certificate_renewed")
            except TlsUnusable as error:
                log.error("certificate unusable", action="broker.certificate_unusable", error=str(error))

    async def _tell(self) -> None:
        while True:
            await self._clock.sleep_s(TELL_EVERY_S)
            self._hub.from_ingest(STATS, msgspec.json.encode(self._hub.stats()), 0)

    async def _end_the_revoked(self) -> None:
        while True:
            await self._clock.sleep_s(CHECK_EVERY_S)
            logins = {connection.login for connection in self._connections if connection.login}
            try:
                gone = await self._guard.no_longer(logins)
            except RegistryUnavailable as error:
                log.warning("registry unavailable", action="broker.registry_unavailable", error=str(error))
                continue
            for connection in [one for one in self._connections if one.login in gone]:
                connection.kick("no longer allowed")


class _Full(asyncio.Protocol):
    """Ends a connection for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        log.error("no room for a connection", action="broker.full")
        transport.close()
