"""BrokerSync: keeps an outside Mosquitto in step with the registry: files, reload, sessions, refusals."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices import topics
from devices.clock import Clock, SystemClock
from devices.errors import DeviceError
from devices.registry.sql import SqlDeviceRegistry
from ingest.address import BrokerAddress
from ingest.errors import NotConnected
from ingest.overseer import Overseer
from safety.broker_files import BrokerFiles, Login, Synced
from safety.config import Settings
from safety.errors import SafetyError
from safety.mosquitto_log import MosquittoLog
from safety.store.database import Database
from safety.trust import Trust, server_names

LOOK_EVERY_S = 1.0
"""How soon a change of the registry is at the broker."""
RENEW_EVERY_S = 3600.0
_SETTLE_S = 0.2
_TAKEN_WITHIN_S = 10.0
_ASK_EVERY_S = 0.1

_MOST_BYTES = 16 * 1024 * 1024
"""Of the log at once."""

_log = structlog.get_logger(__name__)


class ReloadFailed(SafetyError):
    """The broker cannot be told to read its files again."""


class BrokerSync:
    """Writes the files into `out`, has the broker read them, and reads its `log_file`, where given.

    The broker of `pid_file` gets a signal. Where none reaches it, `reload_file` is left for one beside it,
    who takes the file away and signals.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        data_dir: Path,
        out: Path,
        pid_file: Path | None,
        log_file: Path | None,
        tell: Callable[[str], None],
        clock: Clock | None = None,
        reload_file: Path | None = None,
    ) -> None:
        self._database = database
        self._registry = SqlDeviceRegistry(database.engine)
        self._files = BrokerFiles(out, Trust(data_dir), server_names("", settings.mqtts_names.split(",")))
        self._pid_file = pid_file
        self._reload_file = reload_file
        self._log_file = log_file
        self._tell = tell
        self._clock = clock or SystemClock()
        self._read_to = 0
        self._unread = False
        self._ending: set[str] = set()
        self._login: Login | None = None
        self._overseer: Overseer | None = None
        if settings.broker_url is not None:
            address = BrokerAddress.parse(settings.broker_url, settings.broker_authority)
            self._overseer = Overseer(address)
            self._login = Login(address.username or "", address.password or "")
        own_login = None if self._login is None else self._login.username or None
        self._log = MosquittoLog(topics.may_subscribe, own_login)

    async def once(self) -> Synced:
        """Sync, reload, and end the sessions of those who may no longer.

        Raises:
            TrustError: a file cannot be written.
            ReloadFailed: the broker cannot be told.
            RegistryUnavailable: the registry cannot be read.
        """
        self._registry.refresh()
        with self._database.reading() as connection:
            synced = self._files.sync(connection, self._registry, self._login, self._clock.now_ms())
        if synced.written:
            self._tell(f"written: {', '.join(synced.written)}")
            self._unread = True
        for device in synced.unknown:
            self._tell(f"{device} has no password there before `vigil device rotate {device}`")
        self._ending |= set(synced.ended)
        await self._follow_up()
        return synced

    async def watch(self) -> None:
        """Sync whenever the registry changes, and report what the broker denies, until cancelled.

        What fails is tried again every second: a broker that is away now must still hear of it.
        """
        if self._log_file is not None and self._log_file.exists():
            self._read_to = self._log_file.stat().st_size
        synced_s: float | None = None
        while True:
            now_s = self._clock.monotonic_s()
            try:
                if synced_s is None or self._registry.refresh() or now_s - synced_s > RENEW_EVERY_S:
                    synced_s = None
                    await self.once()
                    synced_s = now_s
                await self._follow_up()
                await self._report()
            except (DeviceError, SafetyError, SQLAlchemyError) as error:
                _log.warning("not in step", action="sync.failed", error=str(error))
            await self._clock.sleep_s(LOOK_EVERY_S)

    async def _follow_up(self) -> None:
        """Do at the broker what is still owed there."""
        if self._unread and (self._pid_file is not None or self._reload_file is not None):
            if self._pid_file is not None:
                _hang_up(self._pid_file)
            if self._reload_file is not None:
                await self._have_taken(self._reload_file)
            self._unread = False
            # It reads its files when it comes round to the signal: who is thrown out before might come back.
            await self._clock.sleep_s(_SETTLE_S)
        if self._overseer is None:
            return
        for device in sorted(self._ending):
            try:
                await self._overseer.end_session(device)
            except NotConnected as error:
                _log.warning("session not ended", action="sync.not_ended", device=device, error=str(error))
            else:
                self._ending.discard(device)

    async def _have_taken(self, reload_file: Path) -> None:
        until_s = self._clock.monotonic_s() + _TAKEN_WITHIN_S
        _ask(reload_file)
        while _is_asked(reload_file):
            if self._clock.monotonic_s() > until_s:
                raise ReloadFailed(f"nobody takes {reload_file}: does the broker run, and who tells it?")
            await self._clock.sleep_s(_ASK_EVERY_S)

    async def _report(self) -> None:
        refused = self._log.read(self._new_lines())
        if not refused or self._overseer is None:
            return
        try:
            await self._overseer.report(refused)
        except NotConnected as error:
            _log.warning("refusals not reported", action="sync.not_reported", error=str(error))

    def _new_lines(self) -> list[str]:
        """Return the whole lines that came since the last call; a log that is shorter was begun anew."""
        if self._log_file is None:
            return []
        lines: list[str] = []
        with contextlib.suppress(FileNotFoundError), self._log_file.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._read_to:
                self._read_to = 0
            file.seek(self._read_to)
            whole, _, _ = file.read(_MOST_BYTES).rpartition(b"\n")
            if whole:
                self._read_to += len(whole) + 1
                lines = whole.decode(errors="replace").split("\n")
        return lines


def _hang_up(pid_file: Path) -> None:
    try:
        os.kill(int(pid_file.read_text().strip()), signal.SIGHUP)
    except (OSError, ValueError) as error:
        raise ReloadFailed(
            f"the broker of {pid_file} cannot be told: {error}; does it run, with that pid_file?"
        ) from error


def _ask(reload_file: Path) -> None:
    try:
        reload_file.touch()
    except OSError as error:
        raise ReloadFailed(f"{reload_file} cannot be written: {error.strerror}") from error


def _is_asked(reload_file: Path) -> bool:
    return reload_file.exists()
