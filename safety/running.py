"""Runs a service until it is told to stop: signals, tasks, and what is said when it listens."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import closing
from typing import Any, NamedTuple

import uvloop

from safety import interpreter
from safety.api.server import listen
from safety.app import Service
from safety.config import Settings
from safety.logs import configure_logs
from safety.parts.part import Tasks

_END_WITHIN_S = 4.0
"""How long a task may take to end: a service stops within ten seconds."""


class Listener(NamedTuple):
    """Where something listens; port 0 takes a free one."""

    host: str
    port: int

    @property
    def place(self) -> str:
        """It as it stands in a URL: `host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def run(settings: Settings, serving: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> int:
    """Run `serving` on a loop of its own; its event is set by SIGTERM or SIGINT. Return the exit code."""
    configure_logs(settings.log_level, settings.log_format)
    interpreter.share()

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serving(stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_signalled())
    return 0


async def run_service(
    service: Service,
    http: Listener,
    stop: asyncio.Event,
    announce: Callable[[Listener], Awaitable[None]],
    beside: Callable[[], Tasks] = list,
) -> None:
    """Run `service`, and the tasks that `beside` makes, until `stop` is set.

    `announce` is told where HTTP listens, and tells people; it may go on for as long as the service does.
    """
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    # Before anything runs that would have to be stopped: a taken port is the likeliest failure of a start.
    with closing(listen(http.host, http.port)) as listener:
        try:
            await service.open()
            async with asyncio.TaskGroup() as group:
                parts = [*beside(), *service.tasks(listener, started.set_result)]
                tasks = [group.create_task(part, name=name) for name, part in parts]
                http = Listener(http.host, await started)
                tasks.append(group.create_task(_announced(announce(http)), name="announce"))
                await stop.wait()
                await end(tasks)
        finally:
            await service.close()


async def end(tasks: Iterable["asyncio.Task[None]"], within_s: float = _END_WITHIN_S) -> None:
    """Cancel `tasks`, and once more those that have not ended `within_s` seconds.

    On Python 3.11 `asyncio.wait_for`, which the MQTT client waits with, loses a cancellation that comes just
    when what it waits for is there.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=within_s)


async def _announced(announcing: Awaitable[None]) -> None:
    await announcing


def say_ready() -> None:
    """Tell them that from now on they may rely on it."""
    interpreter.settle()
    say("ready")


def say(line: str) -> None:
    """Tell whoever started the service."""
    print(line, flush=True)  # noqa: T201  # the terminal is this command's output
