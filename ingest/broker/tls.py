"""TlsFiles: the broker's certificate, taken over again whenever its file is written anew."""

import ssl
from pathlib import Path
from typing import NamedTuple

from ingest.errors import IngestError


class TlsUnusable(IngestError):
    """The certificate, its key or the authority of the devices cannot be used."""


class TlsFiles(NamedTuple):
    """Where they are: the broker's certificate (with those between it and its authority), its key, and the
    authorities whose client certificates prove a device; without those, only secrets do."""

    certificate: Path
    key: Path
    client_authority: Path | None = None


class TlsGate:
    """The context of the TLS listener: TLS 1.2 or newer; a client certificate is welcome, never required."""

    def __init__(self, files: TlsFiles) -> None:
        """Read the files.

        Raises:
            TlsUnusable: one of them cannot be used.
        """
        self._files = files
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._written = self._seen()
        self._load()
        if files.client_authority is not None:
            try:
                self.context.load_verify_locations(files.client_authority)
            except OSError as error:
                raise TlsUnusable(f"{files.client_authority} cannot be used: {error}") from error
            self.context.verify_mode = ssl.CERT_OPTIONAL

    def renew(self) -> bool:
        """Take over a newer certificate, for connections to come; tell whether there was one.

        Raises:
            TlsUnusable: it cannot be used; the one before goes on.
        """
        written = self._seen()
        if written == self._written:
            return False
        self._load()
        self._written = written
        return True

    def _load(self) -> None:
        try:
            self.context.load_cert_chain(self._files.certificate, self._files.key)
        except OSError as error:
            where = f"{self._files.certificate} with {self._files.key}"
            raise TlsUnusable(f"{where} cannot be used: {error}") from error

    def _seen(self) -> tuple[int, int]:
        try:
            return self._files.certificate.stat().st_mtime_ns, self._files.key.stat().st_mtime_ns
        except OSError as error:
            raise TlsUnusable(f"{self._files.certificate} cannot be read: {error}") from error
