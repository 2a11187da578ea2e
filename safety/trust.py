"""Trust: the authority's files in the data directory, and the certificates that it has signed.

TrustError (a SafetyError) says what is missing or in the way, and how to mend it.

    tls/ca.pem, ca.key           the authority; whoever has the key can be any device
    tls/server.pem, server.key   the broker's, made and renewed by `vigil up`
    tls/devices/ID/              what was made for a device, to be carried to it and deleted here
"""

import os
import socket
from collections.abc import Collection
from pathlib import Path

from devices.certificates import (
    KeyPair,
    issue_server,
    new_authority,
    read_certificate,
)
from devices.errors import BadCertificate
from safety.errors import SafetyError

RENEW_BEFORE_MS = 30 * 86_400_000
"""A server's certificate is renewed when no more than this is left of its 90 days."""


class TrustError(SafetyError):
    """The authority's files are missing, in the way or cannot be used."""


class Trust:
    """The directory `tls` in `data_dir`; every file in it is readable by its owner only."""

    def __init__(self, data_dir: Path) -> None:
        self.directory = data_dir / "tls"
        self.authority_file = self.directory / "ca.pem"
        self._authority_key = self.directory / "ca.key"
        self.server_file = self.directory / "server.pem"
        self.server_key = self.directory / "server.key"

    @property
    def exists(self) -> bool:
        """Whether there is an authority."""
        return self.authority_file.is_file() and self._authority_key.is_file()

    def create(self, name: str, now_ms: int) -> list[Path]:
        """Make an authority called `name` and return its files.

        Raises:
            TrustError: there is one already.
        """
        if self.authority_file.exists() or self._authority_key.exists():
            raise TrustError(
                f"{self.directory} has an authority already: devices trust it; to begin anew, move it away"
            )
        made = new_authority(name, now_ms)
        write_private(self._authority_key, made.key)
        write_private(self.authority_file, made.certificate)
        return [self.authority_file, self._authority_key]

    def authority(self) -> KeyPair:
        """Return the authority.

        Raises:
            TrustError: there is none.
        """
        try:
            return KeyPair(self._authority_key.read_bytes(), self.authority_file.read_bytes())
        except FileNotFoundError as error:
            raise TrustError(f"no authority in {self.directory}: make one with `vigil ca init`") from error

    def renew_server(self, names: Collection[str], now_ms: int) -> bool:
        """Make the broker's certificate for `names` anew if it has to be; tell whether it was.

        It has to be when there is none, when 30 days or less are left of it, when its names are others, or
        when the authority is another.

        Raises:
            TrustError: there is no authority.
        """
        authority = self.authority()
        if self._is_good(names, now_ms):
            return False
        made = issue_server(authority, names, now_ms)
        # The key first: a reader that comes between finds a pair that does not fit, and keeps the old one.
        write_private(self.server_key, made.key)
        write_private(self.server_file, made.certificate + authority.certificate)
        return True

    def write_device(self, device_id: str, made: KeyPair, directory: Path | None = None) -> list[Path]:
        """Write what the device logs in with; return the files: its key, its certificate, the authority."""
        directory = directory or self.directory / "devices" / device_id
        key, certificate, authority = (
            directory / f"{device_id}.key",
            directory / f"{device_id}.pem",
            directory / "ca.pem",
        )
        write_private(key, made.key)
        write_private(certificate, made.certificate)
        write_private(authority, self.authority().certificate)
        return [key, certificate, authority]

    def _is_good(self, names: Collection[str], now_ms: int) -> bool:
        try:
            chain = self.server_file.read_bytes()
            found = read_certificate(chain)
            has_key = self.server_key.is_file()
        except (OSError, BadCertificate):
            return False
        ours = chain.endswith(self.authority().certificate)
        return has_key and ours and found.names == set(names) and found.until_ms - now_ms > RENEW_BEFORE_MS


def server_names(listens_on: str, configured: Collection[str]) -> set[str]:
    """Return the names under which devices may reach the broker: this machine's, and `configured` ones."""
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname(), *configured}
    if listens_on not in ("", "0.0.0.0", "::"):  # noqa: S104 compared, not listened on
        names.add(listens_on)
    return {name for name in names if name.isascii()}


def write_private(path: Path, content: bytes) -> None:
    """Write `content` to `path` whole or not at all, for its owner's eyes only.

    Raises:
        TrustError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        _make_private(path.parent)
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _hand_over(beside)
        beside.replace(path)
    except OSError as error:
        raise TrustError(f"{path} cannot be written: {error.strerror}") from error


def _make_private(directory: Path) -> None:
    """Make `directory`, and those above it that are not there."""
    if not directory.is_dir():
        _make_private(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        _hand_over(directory)


def _hand_over(path: Path) -> None:
    """Give what root wrote for a service to that service: it belongs to whom the directory around it does."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
