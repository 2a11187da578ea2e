"""When a simulation stops: on SIGTERM or SIGINT, or when the process that started it is gone."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Coroutine
from typing import Any

from aiomqtt import MqttError

from simulators.waiting import first_of


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends, a signal comes, or the parent's end of stdin closes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_hush_lost_connections)
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    transport = await _watch_stdin(stop)
    try:
        await first_of(work, stop.wait())
    finally:
        if transport is not None:
            transport.close()


def _hush_lost_connections(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """aiomqtt tells a lost connection to whoever uses it, and also leaves it in a future nobody asks."""
    if not isinstance(context.get("exception"), MqttError):
        loop.default_exception_handler(context)


class _Hangup(asyncio.Protocol):
    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop.set()


async def _watch_stdin(stop: asyncio.Event) -> asyncio.ReadTransport | None:
    """Watch a pipe or socket on stdin: who holds its other end is our parent. Nothing else is watched."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # there is no stdin
        return None
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return None
    loop = asyncio.get_running_loop()
    transport, _protocol = await loop.connect_read_pipe(lambda: _Hangup(stop), sys.stdin)
    return transport
