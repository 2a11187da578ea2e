"""Broker: the embedded broker's listener, its connections, and what it does in the background."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from devices.clock import Clock
from devices.errors import RegistryUnavailable
from devices.registry.port import DeviceRegistry
from ingest.address import STATS
from ingest.broker.connection import Connection
from ingest.broker.guard import Guard
from ingest.broker.hub import Hub

log = structlog.get_logger(__name__)

CHECK_EVERY_S = 1.0
"""How often silence and revocation are looked for."""
TELL_EVERY_S = 5.0
"""How often ingest is told how the broker does."""
_BACKLOG = 1024
_LOOKUP_THREADS = 2


class Broker:
    """Listens for MQTT 3.1.1; knows devices by `registry` and ingest by `ingest_secret`.

    Beyond `max_connections` a new connection is closed at once, so that those that are there keep theirs.
    """

    def __init__(
        self, registry: DeviceRegistry, ingest_secret: str, clock: Clock, max_connections: int = 20_000
    ) -> None:
        self._clock = clock
        self._executor = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="broker-registry")
        self._guard = Guard(registry, ingest_secret, clock, self._executor)
        self._hub = Hub()
        self._max_connections = max_connections
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen on `host` and `port` (0: any free one) and return the port.

        Raises:
            OSError: the port is taken, or the host is none of this machine.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, host, port, backlog=_BACKLOG)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def run(self) -> None:
        """Watch over the connections until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end_the_silent(), name="broker keep-alive")
            tasks.create_task(self._end_the_revoked(), name="broker revocation")
            tasks.create_task(self._tell(), name="broker stats")

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.kick("the broker stops")
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _accept(self) -> asyncio.Protocol:
        if len(self._connections) >= self._max_connections:
            return _Full()
        connection = Connection(self._hub, self._guard, self._clock, self._connections.discard)
        self._connections.add(connection)
        return connection

    async def _end_the_silent(self) -> None:
        while True:
            await self._clock.sleep_s(CHECK_EVERY_S)
            now_s = self._clock.monotonic_s()
            for connection in list(self._connections):
                connection.check(now_s)
            self._hub.expire(now_s)

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
