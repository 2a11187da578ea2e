"""TestAuthority: an authority of its own for a test, what it has signed, and TLS contexts that use it."""

import ssl
from pathlib import Path

from devices.certificates import KeyPair, issue_device, issue_server, new_authority
from devices.clock import SystemClock
from ingest.broker.tls import TlsFiles

NAMES = ("localhost", "127.0.0.1")


class TestAuthority:
    """Writes what it makes into `directory`."""

    __test__ = False

    def __init__(self, directory: Path, pair: KeyPair | None = None) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.pair = pair or new_authority("of this test", self._now_ms())
        self.file = directory / "ca.pem"
        self.file.write_bytes(self.pair.certificate)

    def server(self) -> TlsFiles:
        """Make the server's certificate, or make it anew."""
        made = issue_server(self.pair, NAMES, self._now_ms())
        files = TlsFiles(self.directory / "server.pem", self.directory / "server.key", self.file)
        files.key.write_bytes(made.key)
        files.certificate.write_bytes(made.certificate + self.pair.certificate)
        return files

    def device(self, device_id: str, *, issued_ms: int | None = None, days: int = 1) -> Path:
        """Make the certificate of `device_id`; return a file with it and its key."""
        issued_ms = self._now_ms() if issued_ms is None else issued_ms
        return self.written(device_id, issue_device(self.pair, device_id, issued_ms, days))

    def written(self, name: str, pair: KeyPair) -> Path:
        """Write a certificate and its key into one file."""
        path = self.directory / f"{name}.client.pem"
        path.write_bytes(pair.certificate + pair.key)
        return path

    def client(self, certificate: Path | None = None) -> ssl.SSLContext:
        """Return how a client trusts this authority, and shows `certificate`."""
        context = ssl.create_default_context(cafile=str(self.file))
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context

    @staticmethod
    def _now_ms() -> int:
        return SystemClock().now_ms()
