"""The HTTP server: uvicorn inside the service's own event loop."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

# A client that has stopped reading is cut off by the kernel after this; it never gets a close frame.
_SEND_TIMEOUT_MS = 30_000
_SHUTDOWN_S = 3
_MAX_FRAME_BYTES = 65_536
_BACKLOG = 1024


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, telling when it has started."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are the service's: it stops all its parts in order.
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port`; port 0 takes any free one.

    Raises:
        OSError: the port is taken, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(f"HTTP cannot listen on {host}:{port}: {error.strerror or error}") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SEND_TIMEOUT_MS)
    return listener


async def serve(
    app: FastAPI,
    listener: socket.socket,
    *,
    started: Callable[[int], None],
    trusted_proxies: Sequence[str] = ("127.0.0.1", "::1"),
) -> None:
    """Serve `app` on `listener` until cancelled, then finish what was begun within 3 s and close it.

    `started` is called with its port. Of `trusted_proxies` the X-Forwarded-* headers are believed.
    """
    config = uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws="websockets-sansio",
        # Compressing small frames costs more than the bytes it saves.
        ws_per_message_deflate=False,
        ws_max_size=_MAX_FRAME_BYTES,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=_SHUTDOWN_S,
        lifespan="on",
    )
    server = _Server(config, lambda: started(listener.getsockname()[1]))
    serving = asyncio.create_task(server.serve([listener]), name="http")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
    finally:
        listener.close()
