"""A webhook's far end for tests: a real HTTP server on a free port that answers as it is told."""

import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Call(NamedTuple):
    """One request: its path, its headers with lower-case names, and its JSON."""

    path: str
    headers: dict[str, str]
    body: Any


class FarEnd(ThreadingHTTPServer):
    """Keeps the calls; answers each path with its statuses in turn, the last one for ever (else 200).

    All answers have a `retry_after`, if it is set. Paths in `hanging` get no answer until the server is
    closed; those in `dripping` a header that never ends.
    """

    daemon_threads = True

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _Handler)
        self.calls: list[Call] = []
        self.statuses: dict[str, list[int]] = {}
        self.retry_after: str | None = None
        self.hanging: set[str] = set()
        self.dripping: set[str] = set()
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}{path}"

    def answers(self, path: str, statuses: Iterable[int]) -> str:
        """Answer `path` with `statuses` in turn; return its URL."""
        self.statuses[path] = list(statuses)
        return self.url(path)

    def calls_to(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: FarEnd

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.calls.append(Call(self.path, headers, json.loads(body)))
        if self.path in self.server.hanging:
            self.server.closing.wait()
            return
        if self.path in self.server.dripping:
            self._drip()
            return
        left = self.server.statuses.get(self.path, [200])
        status = left.pop(0) if len(left) > 1 else left[0]
        self.send_response(status)
        if self.server.retry_after is not None:
            self.send_header("Retry-After", self.server.retry_after)
        if 300 <= status < 400:
            self.send_header("Location", self.server.url("/elsewhere"))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.closing.wait(0.02):
            self.wfile.write(b"x")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def far_end(host: str = "127.0.0.1") -> Iterator[FarEnd]:
    """A server that runs until the block ends."""
    with FarEnd(host) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="far-end")
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
