"""EmbeddedBroker: starts the embedded broker's process, keeps it running, and stops it."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from typing import NamedTuple

import msgspec
import structlog

from devices.clock import Clock
from devices.identity import new_secret
from ingest.address import BrokerAddress, MqttVersion
from ingest.broker.guard import INGEST
from ingest.broker.tls import TlsFiles, TlsGate
from ingest.errors import IngestError
from ingest.limits import Limits

log = structlog.get_logger(__name__)

START_DEADLINE_S = 60.0
"""A start takes a second, or many where there is much else to do: given up, it would only begin anew."""
STOP_DEADLINE_S = 5.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_STEADY_S = 30.0
_LOOPBACKS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 where it listens is the caller's


class BrokerFailed(IngestError):
    """The embedded broker did not come up."""


class TlsListener(NamedTuple):
    """Where the broker listens for TLS (port 0: any free port, then kept), and with which files."""

    host: str
    port: int
    files: TlsFiles


class EmbeddedBroker:
    """The embedded broker as a child process on `host` and `port` (0: a free one, then kept), and behind TLS.

    `database_url` says where the device registry is. It and ingest's secret, which is made anew for each
    instance, reach the child through its standard input, never through its arguments.
    """

    def __init__(
        self,
        host: str,
        port: int,
        database_url: str,
        clock: Clock,
        tls: TlsListener | None = None,
        limits: Limits = Limits(),  # noqa: B008 frozen
    ) -> None:
        self._host = host
        self._port = port
        self._database_url = database_url
        self._clock = clock
        self.tls = tls
        self._limits = limits
        self._secret = new_secret()
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    @property
    def address(self) -> BrokerAddress:
        """How ingest reaches it; complete once `start` has returned."""
        return BrokerAddress(
            host=_LOOPBACKS.get(self._host, self._host),
            port=self._port,
            username=INGEST,
            password=self._secret,
            version=MqttVersion.V311,
            embedded=True,
        )

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> int:
        """Start the child and return the port once it listens.

        Raises:
            BrokerFailed: it ended, or did not listen in time.
            TlsUnusable: a file of `tls` cannot be used.
        """
        if self.tls is not None:
            TlsGate(self.tls.files)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "ingest.broker.process", "--host", self._host, "--port", str(self._port)),
            *_tls_arguments(self.tls),
            *("--limits", msgspec.json.encode(self._limits).decode()),
            stdin=PIPE,
            stdout=PIPE,
        )
        self._process = process
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                await self._handshake(process)
        except BaseException:
            await self._end(process)
            raise
        if self._stopping.is_set():
            await self._end(process)
        return self._port

    async def wait(self) -> None:
        """Keep it running: start it again, on the same port, whenever it ends. Returns after `stop`."""
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            since_s = self._clock.monotonic_s()
            code = await self._process.wait() if self._process is not None else None
            if self._stopping.is_set():
                return
            log.error("embedded broker ended", action="broker.ended", code=code, pause_s=pause_s)
            if self._clock.monotonic_s() - since_s > _STEADY_S:
                pause_s = _FIRST_PAUSE_S
            await self._clock.sleep_s(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            try:
                await self.start()
            except (BrokerFailed, TimeoutError, OSError) as error:
                log.error("embedded broker does not start", action="broker.restart_failed", error=str(error))
            else:
                log.warning("embedded broker restarted", action="broker.restarted", port=self._port)

    async def stop(self) -> None:
        """End the child: SIGTERM, then SIGKILL if it does not go."""
        self._stopping.set()
        if self._process is not None:
            await self._end(self._process)

    async def _handshake(self, process: Process) -> None:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise BrokerFailed("the embedded broker has no pipes")
        stdin.write(f"{self._secret}\n{self._database_url}\n".encode())
        said = (await stdout.readline()).decode()
        line = said.split()
        if line[:1] != ["listening"]:
            code = await process.wait()
            why = said.strip() or f"it ended with code {code}"
            raise BrokerFailed(f"the embedded broker on {self._host}:{self._port}: {why}")
        self._port = int(line[1])
        if self.tls is not None:
            self.tls = self.tls._replace(port=int(line[2]))

    async def _end(self, process: Process) -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(STOP_DEADLINE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _tls_arguments(tls: TlsListener | None) -> list[str]:
    if tls is None:
        return []
    arguments = ["--tls-host", tls.host, "--tls-port", str(tls.port)]
    arguments += ["--tls-certificate", str(tls.files.certificate), "--tls-key", str(tls.files.key)]
    if tls.files.client_authority is not None:
        arguments += ["--tls-client-authority", str(tls.files.client_authority)]
    return arguments
