"""The cable between a browser and the service: a TCP relay that tests can cut, freeze and mend."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Final

_CHUNK: Final = 65_536


class Link:
    """Relays 127.0.0.1:`port` (chosen by the system) to `target_port`; both ends see real sockets fail."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._flows = threading.Event()
        self._flows.set()
        self._whole = True
        self._closing = False
        self._sockets: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, name="link-accept", daemon=True)]
        self._threads[0].start()

    @property
    def base_url(self) -> str:
        """Where a browser finds the service through this link."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Every connection breaks, and new ones are refused after the handshake."""
        self._whole = False
        self._drop_all()

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told: a cable pulled somewhere behind a switch."""
        self._flows.clear()

    def mend(self) -> None:
        """From now on all is well again; frozen bytes arrive late."""
        self._whole = True
        self._flows.set()

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        # A blocked accept wakes up only for a connection.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        self._flows.set()
        self._threads[0].join(timeout=5)
        self._listener.close()
        self._drop_all()
        for thread in self._threads:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            if self._closing:
                near.close()
                return
            if not self._whole:
                near.close()
                continue
            try:
                far = socket.create_connection(self._target, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._guard:
                self._sockets |= {near, far}
            for source, sink in ((near, far), (far, near)):
                thread = threading.Thread(
                    target=self._pump, args=(source, sink), name="link-pump", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                self._flows.wait()
                sink.sendall(chunk)
        self._drop(source, sink)

    def _drop_all(self) -> None:
        with self._guard:
            sockets = list(self._sockets)
        self._drop(*sockets)

    def _drop(self, *sockets: socket.socket) -> None:
        with self._guard:
            self._sockets -= set(sockets)
        for one in sockets:
            # Shutting down first wakes a thread that reads from it; closing alone would not.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
