"""Players: the process of simulated devices that `vigil up --demo` starts, and keeps running."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import structlog

from devices.clock import Clock

_PAUSE_S = 2.0
_STOP_S = 3.0

_log = structlog.get_logger(__name__)


class Players:
    """Runs `python -m simulators.demo`: outsiders, who log in to the broker as any device would."""

    def __init__(self, roster: Path, host: str, port: int, clock: Clock) -> None:
        self._arguments = ("--broker", f"{host}:{port}", "--roster", str(roster))
        self._clock = clock

    async def run(self) -> None:
        """Keep them playing until cancelled."""
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "simulators.demo", *self._arguments), stdin=PIPE, stdout=DEVNULL
            )
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await _end(process)
                raise
            _log.warning("simulated devices ended", action="players.ended", code=code)
            await self._clock.sleep_s(_PAUSE_S)


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
